import Testing

extension EndToEnd {
    /// All that is copied to the new host is a word; started again, it needs that no more.
    @Test func `a host that shows a token joins, serves its share and keeps the key`() async throws {
        try await Lab.network("2", "--balancer") { lab in
            try await lab.startNodes(1...1, balancer: true)
            try await lab.serveHello(on: 1...1)
            let token = try await lab.run(on: 1, "igropyr", "token", "--key-file", lab.keyFile)
            #expect(token.status == 0 && token.errors.contains("good until"), "\(token)")
            let node = [
                "igropyr", "node", "--bind", lab.address(2), "--name", "host-2", "--data", "\(lab.folder)/token-data",
            ]
            let word = token.output.filter { $0 != "\n" }
            let first = try lab.start(on: 2, node + ["--join", lab.address(1), "--token", word])
            try await eventually("both answer", or: first.errors) {
                try await lab.hostsAnswering(lab.entrance) == ["host-1", "host-2"]
            }
            first.signal(15)
            #expect(try await first.finish(within: .seconds(30)).status == 0)
            let second = try lab.start(on: 2, node)
            try await eventually("both answer again", or: second.errors) {
                try await lab.hostsAnswering(lab.entrance) == ["host-1", "host-2"]
            }
        }
    }
}
