import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// What systemd hears from a node and a balancer (`sd_notify(3)`, `Type=notify`).
    struct ServiceTests {
        @Test func `a node says when it is ready, that it lives, and when it stops`() async throws {
            let supervisor = try SupervisorSocket()
            let node = try Program(
                [Binaries.igropyr, "node", "--bind", "127.91.0.1:0", "--data", supervisor.folder + "/data"],
                environment: supervisor.environment(watchdog: .milliseconds(200)))
            try await supervisor.hear("READY=1", from: node.pid, or: node.errors)
            for _ in 1...3 { try await supervisor.hear("WATCHDOG=1", from: node.pid, or: node.errors) }
            node.signal(SIGTERM)
            try await supervisor.hear("STOPPING=1", from: node.pid, or: node.errors)
            #expect(try await node.finish().status == 0, "\(node.errors)")
        }

        /// logrotate, `nginx -s` and their like send these. What each does is in docs/operations.md.
        @Test(arguments: ["node", "balancer", "serve", "application"])
        func `a signal sent by habit ends nothing, and SIGQUIT ends as SIGTERM does`(kind: String) async throws {
            let supervisor = try SupervisorSocket()
            let command =
                switch kind {
                case "node":
                    [Binaries.igropyr, "node", "--bind", "127.91.0.3:0", "--data", supervisor.folder + "/data"]
                case "balancer":
                    [Binaries.igropyr, "balancer", "--listen", "127.91.0.3:0", "--upstream", "127.91.0.3:9"]
                case "serve": [Binaries.igropyr, "serve", supervisor.folder, "--listen", "127.91.0.3:0"]
                default: [Binaries.hello]
                }
            var environment = supervisor.environment(watchdog: .milliseconds(200))
            if kind == "application" { environment["PORT"] = "0" }
            let program = try Program(command, environment: environment)
            try await supervisor.hear("READY=1", from: program.pid, or: program.errors)
            var signals = [SIGHUP, SIGUSR1, SIGWINCH, SIGPIPE]
            if kind == "serve" || kind == "application" { signals.append(SIGUSR2) }
            for signal in signals {
                program.signal(signal)
                // The second is of after the signal.
                for _ in 1...2 { try await supervisor.hear("WATCHDOG=1", from: program.pid, or: program.errors) }
            }
            program.signal(SIGQUIT)
            try await supervisor.hear("STOPPING=1", from: program.pid, or: program.errors)
            #expect(try await program.finish().status == 0, "\(program.errors)")
        }

        /// Its name server is silent. In namespaces of its own: for root.
        @Test(arguments: ["node", "balancer"])
        func `one that still looks for its own address ends when it is told to`(kind: String) async throws {
            let folder = try ScratchFolder()
            let script = """
                ip link set lo up
                ip link add silent type veth peer name nobody
                ip address add 192.0.2.1/24 dev silent
                ip link set silent up
                ip link set nobody up
                ip neighbour add 192.0.2.53 lladdr 02:00:00:00:00:53 dev silent
                echo nameserver 192.0.2.53 >'\(folder.path)/resolv.conf'
                mount --bind '\(folder.path)/resolv.conf' /etc/resolv.conf
                exec '\(Binaries.igropyr)' \(kind) --bind us.example --data '\(folder.path)/data' --join 192.0.2.2 --insecure
                """
            let program = try Program(["unshare", "--mount", "--net", "bash", "-euc", script])
            let threads = "/proc/\(program.pid)/task"
            try await eventually("it asks", or: program.errors) {
                try FileManager.default.contentsOfDirectory(atPath: threads).contains { thread in
                    FileManager.default.contents(atPath: "\(threads)/\(thread)/comm") == Data("igropyr-names\n".utf8)
                }
            }
            program.signal(SIGTERM)
            #expect(try await program.finish().status == 0, "\(program.errors)")
        }

        /// A shell's soft limit is 1024 as a rule, fewer than the connections that are taken by default.
        @Test(arguments: ["node", "balancer", "serve", "application"])
        func `has as many open files as it may`(kind: String) async throws {
            let supervisor = try SupervisorSocket()
            let command =
                switch kind {
                case "node":
                    [Binaries.igropyr, "node", "--bind", "127.91.0.5:0", "--data", supervisor.folder + "/data"]
                case "balancer":
                    [Binaries.igropyr, "balancer", "--listen", "127.91.0.5:0", "--upstream", "127.91.0.5:9"]
                case "serve": [Binaries.igropyr, "serve", supervisor.folder, "--listen", "127.91.0.5:0"]
                default: [Binaries.hello]
                }
            var environment = supervisor.environment(watchdog: .milliseconds(200))
            environment["PORT"] = kind == "application" ? "0" : nil
            let program = try Program(
                ["sh", "-c", "ulimit -Sn 200; ulimit -Hn 4000; exec \"$0\" \"$@\""] + command, environment: environment)
            try await supervisor.hear("READY=1", from: program.pid, or: program.errors)
            let limits = try String(contentsOfFile: "/proc/\(program.pid)/limits", encoding: .utf8)
            let line = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
            #expect(line?.split(separator: " ").dropFirst(3).prefix(2) == ["4000", "4000"], "\(limits)")
            program.signal(SIGTERM)
            #expect(try await program.finish().status == 0, "\(program.errors)")
        }

        /// Python's `pty` makes the terminal, which is gone when its master is closed.
        @Test(arguments: ["serve", "nohup serve", "nohup node"])
        func `who loses the terminal of its start ends, unless by nohup, and so does the program that it becomes`(
            start: String
        ) async throws {
            let isKept = start.hasPrefix("nohup")
            let supervisor = try SupervisorSocket()
            let arguments =
                start.hasSuffix("serve")
                ? ["serve", supervisor.folder, "--listen", "127.91.0.4:0"]
                : ["node", "--bind", "127.91.0.4:0", "--data", supervisor.folder + "/data"]
            let script = """
                import os, pty, signal, sys
                pid, master = pty.fork()
                if pid == 0:
                    if sys.argv[1] == "kept": signal.signal(signal.SIGHUP, signal.SIG_IGN)
                    errors = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
                    os.dup2(errors, 1)
                    os.dup2(errors, 2)
                    os.execv(sys.argv[3], sys.argv[3:])
                print(pid, flush=True)
                sys.stdin.readline()
                os.close(master)
                print("closed", flush=True)
                print("ended", os.waitpid(pid, 0)[1], flush=True)
                """
            let (go, log) = (supervisor.folder + "/go", supervisor.folder + "/log")
            try #require(mkfifo(go, 0o600) == 0)
            let shell = "exec python3 -c \"$0\" \"$@\" <>\(go)"
            let outer = try Program(
                ["sh", "-c", shell, script, isKept ? "kept" : "not", log, Binaries.igropyr] + arguments,
                environment: supervisor.environment(watchdog: .milliseconds(200)))
            let details = { outer.errors + ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "") }
            let pid = try await eventually("it starts", or: details()) {
                outer.output.split(separator: "\n").first.flatMap { pid_t($0) }
            }
            try await supervisor.hear("READY=1", from: pid, or: details())
            if start == "nohup node" {
                kill(pid, SIGUSR2)
                try await supervisor.hear("READY=1", from: pid, or: details())
            }
            try Data("\n".utf8).write(to: URL(filePath: go))
            try await eventually("the terminal closes", or: details()) { outer.output.contains("closed") }
            if isKept {
                for _ in 1...5 { try await supervisor.hear("WATCHDOG=1", from: pid, or: details()) }
                kill(pid, SIGTERM)
            }
            try await supervisor.hear("STOPPING=1", from: pid, or: details())
            try await eventually("it has ended", or: details()) { outer.output.contains("ended 0") }
        }

        @Test(arguments: [SIGTERM, SIGUSR2])
        func `a balancer opens its access log anew until its last request is done`(ending: Int32) async throws {
            let supervisor = try SupervisorSocket()
            let log = supervisor.folder + "/access.log"
            let script = """
                import signal, socket
                server = socket.create_server(("127.91.0.6", 9878))
                print("listens", flush=True)
                connection = server.accept()[0]
                print(connection.recv(9999), flush=True)
                signal.pause()
                """
            let server = try Program(["python3", "-c", script])
            try await eventually("the worker listens", or: server.errors) { server.output.contains("listens") }
            let first = try Program(
                [
                    Binaries.igropyr, "balancer", "--listen", "127.91.0.6:9877", "--upstream", "127.91.0.6:9878",
                    "--access-log", log,
                ], environment: supervisor.environment(watchdog: .seconds(10)))
            try await supervisor.hear("READY=1", from: first.pid, or: first.errors)
            let request = try Program(["curl", "-s", "http://127.91.0.6:9877/last"])
            try await eventually("the worker has it", or: first.errors) { server.output.contains("GET /last") }
            first.signal(ending)
            var second: pid_t?
            if ending == SIGUSR2 {
                second = try await supervisor.hearNumber("MAINPID", from: first.pid, or: first.errors)
            } else {
                try await supervisor.hear("STOPPING=1", from: first.pid, or: first.errors)
            }
            rename(log, log + ".1")
            first.signal(SIGUSR1)
            try await eventually("a new log", or: first.errors) { access(log, F_OK) == 0 }
            server.signal(SIGKILL)
            #expect(try await request.finish().status == 0)
            #expect(try await first.finish().status == 0, "\(first.errors)")
            #expect(try String(contentsOfFile: log, encoding: .utf8).contains("GET /last "))
            if let second { kill(second, SIGTERM) }
        }

        @Test func `a balancer is one service to systemd, however often it is upgraded`() async throws {
            let supervisor = try SupervisorSocket()
            let first = try Program(
                [Binaries.igropyr, "balancer", "--listen", "127.91.0.2:0", "--upstream", "127.91.0.2:9"],
                environment: supervisor.environment(watchdog: .milliseconds(200)))
            let errors = { first.errors }
            try await supervisor.hear("READY=1", from: first.pid, or: errors())
            first.signal(SIGHUP)
            try await supervisor.hear("RELOADING=1", from: first.pid, or: errors())
            try await supervisor.hear("READY=1", from: first.pid, or: errors())
            first.signal(SIGUSR2)
            let second = try await supervisor.hearNumber("MAINPID", from: first.pid, or: errors())
            try await supervisor.hear("WATCHDOG=1", from: second, or: errors())
            kill(second, SIGUSR2)
            let third = try await supervisor.hearNumber("MAINPID", from: second, or: errors())
            #expect(Set([first.pid, second, third]).count == 3)
            kill(third, SIGTERM)
            try await supervisor.hear("STOPPING=1", from: third, or: errors())
            #expect(try await first.finish().status == 0, "\(errors())")
        }
    }
}

/// The socket that systemd gives a service to report on, in a folder that goes with it.
private final class SupervisorSocket {
    var folder: String { scratch.path }
    private let scratch: ScratchFolder
    private let descriptor: Int32
    /// Heard and not yet asked for, line by line.
    private var lines: [(pid: pid_t, text: String)] = []

    init() throws {
        scratch = try ScratchFolder()
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array((folder + "/notify").utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        var on: Int32 = 1
        let isAsked = setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
        guard bound == 0, isAsked else { throw Failure("\(folder)/notify: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    func environment(watchdog: Duration) -> [String: String] {
        ["NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "\(Int64(watchdog / .microseconds(1)))"]
    }

    /// Waits for a line of this process; what was said before it is forgotten.
    func hear(_ line: String, from pid: pid_t, or details: @autoclosure () -> String) async throws {
        try await eventually("\(line) from \(pid)", or: "\(lines) \(details())") {
            take { $0.pid == pid && $0.text == line } != nil
        }
    }

    /// Waits for `name=NUMBER` of this process.
    func hearNumber(_ name: String, from pid: pid_t, or details: @autoclosure () -> String) async throws -> pid_t {
        try await eventually("\(name) from \(pid)", or: "\(lines) \(details())") {
            let line = take { $0.pid == pid && $0.text.hasPrefix(name + "=") }
            return line.flatMap { pid_t($0.text.dropFirst(name.count + 1)) }
        }
    }

    private func take(where isWanted: ((pid: pid_t, text: String)) -> Bool) -> (pid: pid_t, text: String)? {
        while let message = receive() { lines += message }
        guard let index = lines.firstIndex(where: isWanted) else { return nil }
        defer { lines.removeSubrange(...index) }
        return lines[index]
    }

    /// The next message's lines, with their sender on the kernel's word (`SCM_CREDENTIALS`).
    private func receive() -> [(pid: pid_t, text: String)]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var control = [UInt64](repeating: 0, count: 8)
        return bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                let count = withUnsafeMutablePointer(to: &part) { part in
                    var header = msghdr()
                    (header.msg_iov, header.msg_iovlen) = (part, 1)
                    (header.msg_control, header.msg_controllen) = (control.baseAddress, control.count)
                    return recvmsg(descriptor, &header, 0)
                }
                guard count >= 0 else { return nil }
                let pid = control.load(fromByteOffset: MemoryLayout<cmsghdr>.size, as: pid_t.self)
                let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<count]), as: UTF8.self)
                return text.split(separator: "\n").map { (pid, String($0)) }
            }
        }
    }
}
