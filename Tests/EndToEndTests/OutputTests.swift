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

    /// In a mount namespace of its own: for root.
    @Test func `a command says so if there is no /proc to read its line from`() async throws {
        let script = "mount -t tmpfs none /proc && exec '\(Binaries.igropyr)' --version"
        let outcome = try await Program.run(["unshare", "--mount", "bash", "-c", script])
        #expect(outcome.status == 1 && outcome.errors.contains("mount -t proc proc /proc"), "\(outcome)")
    }

    /// `journalctl -p warning` goes by the number that a line begins with.
    @Test func `systemd's journal is told how much a line matters, and no time`() async throws {
        let folder = try ScratchFolder()
        let (seed, log) = ("127.91.0.7:9", "\(folder.path)/log")
        let node = "'\(Binaries.igropyr)' node --bind 127.91.0.7:0 --data '\(folder.path)/data' --join \(seed)"
        let outcome = try await Program.run([
            "bash", "-c",
            """
            exec 2>'\(log)'
            export JOURNAL_STREAM=$(stat --dereference --format=%d:%i /dev/stderr)
            '\(Binaries.igropyr)' status --data ''
            \(node) & until grep -q 'could not join' '\(log)'; do sleep 0.1; done; kill $!; wait $!
            cat '\(log)'
            """,
        ])
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("<3>Error: ") }, "\(outcome)")
        #expect(lines.contains { $0.hasPrefix("<4>warning could not join") }, "\(outcome)")
        #expect(lines.contains { $0.hasPrefix("info node started") }, "\(outcome)")
    }
}
