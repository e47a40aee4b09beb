import Testing

extension EndToEnd {
    /// Machines made from one image, with one processor for us.
    @Test func `a machine that nobody has named goes by its address, and of two with one name the newcomer ends`()
        async throws
    {
        try await Lab.network("3") { lab in
            try await lab.makeKey()
            func start(_ host: Int, called name: String, _ options: String...) throws -> Program {
                let node = ["igropyr", "node", "--bind", lab.address(host), "--key-file", lab.keyFile]
                let rename = ["unshare", "--uts", "sh", "-c", "hostname \(name) && exec taskset -c 0 \"$@\"", "sh"]
                return try lab.start(on: host, rename + node + options)
            }
            let first = try start(1, called: "localhost")
            let second = try start(2, called: "localhost.localdomain", "--join", lab.address(1))
            try await lab.statusSays("both are there", or: first.errors + second.errors) {
                $0.hosts.map(\.name) == [lab.address(1), lab.address(2)]
            }
            try await lab.statusSays("they tell of the cores that they may use") { $0.hosts.map(\.cores) == [1, 1] }
            for program in [first, second] {
                program.signal(15)
                #expect(try await program.finish().status == 0, "\(program.errors)")
            }
            let twin = try lab.start(
                on: 1, ["igropyr", "node", "--bind", lab.address(1), "--name", "twin", "--key-file", lab.keyFile])
            try await lab.statusSays("it is there", or: twin.errors) { $0.hosts.count == 1 }
            let other = try await start(3, called: "twin", "--join", lab.address(1)).finish()
            #expect(other.status == 1 && other.errors.contains("twin as the host at \(lab.address(1))"), "\(other)")
            #expect(twin.exitStatus == nil)
        }
    }
}
