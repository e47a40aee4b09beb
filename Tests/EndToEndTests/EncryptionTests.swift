import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// What balancers and workers say to each other, as somebody sees it who listens between the hosts.
    struct EncryptionTests {
        @Test func `nobody on the way reads what balancer and worker say to each other`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serve(encrypted: true)
                let hidden = try await lab.recording(on: 2) {
                    for number in 1...20 { try await lab.ask("hidden-request-\(number)") }
                }
                #expect(hidden.utf8.count > 10_000, "the requests have come by")
                #expect(!hidden.contains("hidden-request"))
                #expect(!hidden.contains("hidden-field"))
                #expect(try await lab.status().applications.first?.isEncrypted == true)
                // What the recording is worth shows without encryption.
                try await lab.serve(encrypted: false)
                let open = try await lab.recording(on: 2) {
                    for number in 1...20 { try await lab.ask("open-request-\(number)") }
                }
                #expect(open.contains("open-request") && open.contains("hidden-field"))
            }
        }

        @Test func `to be encrypted, and to change the cluster's key, loses no request`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serve(encrypted: false)
                let load = try Load(on: lab.entrance, for: 20, in: lab.folder)
                try await load.passes(Load.rate)
                try await lab.serve(encrypted: true)
                // Their predecessors may still drain.
                try await lab.statusSays("two are ready") { $0.readyWorkers.count == 2 }
                let workers = Set(try await lab.status().readyWorkers.compactMap(\.pid))
                try await load.passes(Load.rate)
                try await lab.makeKey(at: "\(lab.folder)/new.key")
                let rotation = try await lab.run(
                    on: 1, "igropyr", "keys", "rotate", "\(lab.folder)/new.key")
                #expect(rotation.status == 0, "\(rotation)")
                try await load.passes(Load.rate)
                let summary = try await load.finish()
                print("new keys under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
                for pid in workers { #expect(kill(pid_t(pid), 0) == 0, "the worker \(pid) runs on") }
                // Connections from before the change are long gone.
                try await lab.answers(from: ["host-1", "host-2"])
            }
        }

        @Test func `a program that answers in plain text stops the rollout, and is told why`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serve(encrypted: true)
                let before = Set(try await lab.status().readyWorkers.compactMap(\.pid))
                let path = "\(lab.folder)/plain"
                try Data(Self.plainWorker.utf8).write(to: URL(filePath: path))
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
                let outcome = try await lab.tryDeploying(path, "--encrypt", "--health-deadline", "15")
                #expect(outcome.status == 1, "\(outcome)")
                #expect(outcome.errors.contains("but its program answers in plain text"), "\(outcome)")
                try await lab.statusSays("what ran before runs, and nothing else") {
                    Set($0.workers.compactMap(\.pid)) == before && $0.workers.allSatisfy { $0.state == "ready" }
                }
                try await lab.answers(from: ["host-1", "host-2"])
            }
        }

        /// Says that it is ready, and serves the socket that it is given.
        private static let plainWorker = """
            #!/usr/bin/python3
            import http.server, os, socket
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as node:
                node.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
                node.send(b"READY=1")
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler, False)
            server.socket = socket.socket(fileno=3)
            server.socket.setblocking(True)
            server.serve_forever()
            """
    }
}

extension Lab {
    fileprivate func tryDeploying(_ path: String, _ options: String...) async throws -> Outcome {
        try await start(on: 1, ["igropyr", "deploy", path, "--name", "hello"] + options + access)
            .finish()
    }

    /// Has `Examples/Hello` run, so and not otherwise, and waits until both hosts answer.
    fileprivate func serve(encrypted: Bool) async throws {
        let outcome =
            encrypted
            ? try await tryDeploying(Binaries.hello, "--encrypt") : try await tryDeploying(Binaries.hello)
        try #require(outcome.status == 0, "\(outcome)")
        try await answers(from: ["host-1", "host-2"])
    }

    fileprivate func ask(_ path: String) async throws {
        let outcome = try await Program.run([
            "curl", "-sS", "-f", "--max-time", "20", "-o", "/dev/null", "-H", "X-Test: hidden-field",
            "\(entrance)/\(path)",
        ])
        try #require(outcome.status == 0, "\(outcome)")
    }

    /// All bytes that pass the host's network interfaces while `body` runs, as text.
    fileprivate func recording(on host: Int, _ body: () async throws -> Void) async throws -> String {
        let file = "\(folder)/recording"
        let recorder = try start(on: host, ["/usr/bin/python3", "-c", Self.recorder, file])
        try await eventually("the recorder listens", or: recorder.errors) {
            FileManager.default.fileExists(atPath: file)
        }
        try await body()
        recorder.signal(SIGTERM)
        _ = try await recorder.finish()
        let data = FileManager.default.contents(atPath: file) ?? Data()
        try FileManager.default.removeItem(atPath: file)
        return String(decoding: data, as: UTF8.self)
    }

    private static let recorder = """
        import signal, socket, sys
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        wire.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        wire.settimeout(0.2)
        isOver = False
        def stop(*_):
            global isOver
            isOver = True
        signal.signal(signal.SIGTERM, stop)
        with open(sys.argv[1], "wb") as file:
            while True:
                if isOver: wire.setblocking(False)  # What has passed by then waits in the socket.
                try:
                    file.write(wire.recv(1 << 17))
                except TimeoutError:
                    pass
                except BlockingIOError:
                    break
        """
}
