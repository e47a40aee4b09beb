import Testing

extension EndToEnd {
    @Test func `what cannot be written is a failure`() async throws {
        for command in ["keygen", "--help"] {
            let outcome = try await Program.run(["bash", "-c", "'\(Binaries.igropyr)' \(command) >/dev/full"])
            #expect(
                outcome.status == 1 && outcome.errors.contains("the output cannot be written"), "\(command): \(outcome)"
            )
        }
    }

    @Test func `a command ends, and well, once who reads it has enough`() async throws {
        try await Lab.network("1") { lab in
            try await lab.startNodes(1...1)
            let access = lab.access.joined(separator: " ")
            for command in ["members", "members --watch", "event --watch --json", "status --json"] {
                let script = "igropyr \(command) \(access) | head -c 1; echo \" ${PIPESTATUS[0]}\""
                let outcome = try await lab.run(on: 1, "bash", "-c", script)
                #expect(outcome.output.hasSuffix(" 0\n") && outcome.errors.isEmpty, "\(command): \(outcome)")
            }
        }
    }

    @Test func `who may not ask this host's node is told so`() async throws {
        try await Lab.network("1") { lab in
            try await lab.startNodes(1...1)
            // Where anybody may run it.
            let program = "\(lab.folder)/igropyr"
            let copy = try await Program.run(["install", "--mode=755", Binaries.igropyr, program])
            try #require(copy.status == 0, "\(copy)")
            let outcome = try await lab.run(
                on: 1, "setpriv", "--reuid=65534", "--clear-groups", "--", program, "status")
            #expect(outcome.status == 1 && outcome.errors.contains("permission denied; use sudo"), "\(outcome)")
        }
    }
}
