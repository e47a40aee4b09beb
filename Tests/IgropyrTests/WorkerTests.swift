import FoundationEssentials
import Glibc
import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// The Hello example as a child process, started as a node or systemd starts a worker.
private final class Hello {
    let child: ChildProcess
    let address: SocketAddress
    private let notifications: NotificationSocket
    private let log: Log

    /// What has happened, each once.
    final class Log: Sendable {
        let states = Locked<[String]>([])
        let ready = Signal(), stopping = Signal(), watchdog = Signal(), ended = Signal()
        let termination = Locked<ChildProcess.Termination?>(nil)

        func note(_ state: String) {
            states.withLock { $0.append(state) }
            switch state {
            case "READY=1": ready.send()
            case "STOPPING=1": stopping.send()
            case "WATCHDOG=1": watchdog.send()
            default: break
            }
        }
    }

    var states: Log { log }

    init(on loop: EventLoop) throws {
        let log = Log()
        let socket = try ListeningSocket.open(.loopback(port: 0))
        defer { Descriptor.close(socket) }
        address = ListeningSocket.localAddress(of: socket)!
        notifications = try NotificationSocket(on: loop, name: "igropyr-test-\(UUID().uuidString)") {
            log.note($0.text)
        }
        // Only the child knows its number: the shell keeps it when it becomes the program.
        let command = ChildProcess.Command(
            executable: "/bin/sh", arguments: ["-c", "LISTEN_PID=$$ exec \"$0\"", Self.path],
            environment: [
                "LISTEN_FDS": "1", "NOTIFY_SOCKET": notifications.name, "WATCHDOG_USEC": "200000", "PORT": "1",
                "IGROPYR_APPLICATION": "hello", "IGROPYR_HOST": "host-7", "IGROPYR_WORKER": "3",
            ],
            descriptors: [nil, nil, nil, socket])
        child = try ChildProcess(on: loop, command) { termination in
            log.termination.withLock { $0 = termination }
            log.ended.send()
        }
        self.log = log
    }

    /// Beside the test bundle.
    static var path: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/Hello"
    }

    func close() {
        child.signal(SIGKILL)
        child.close()
        notifications.close()
    }
}

@Suite(.timeLimit(.minutes(5))) struct WorkerTests {
    private static func withHello(
        _ body: @escaping @Sendable (Hello, HTTPRequester) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let hello = try Hello(on: loop)
            let client = try HTTPRequester(on: loop)
            defer {
                client.close()
                hello.close()
            }
            await hello.states.ready.wait()
            try await body(hello, client)
        }
    }

    @Test func `a worker serves on the socket it was given and says so`() async throws {
        try await Self.withHello { hello, client in
            let response = try await client.send(.init(.get, "/some/path"), to: hello.address)
            #expect(response.text == "Hello from host-7 (hello, worker 3, pid \(hello.child.pid)), path /some/path\n")
            #expect(response.field("Igropyr-Host") == "host-7")
            await hello.states.watchdog.wait(for: 3)
        }
    }

    @Test func `a worker told to end answers what is in flight, then ends in peace`() async throws {
        try await Self.withHello { hello, client in
            nonisolated(unsafe) let asking = client  // On its loop.
            let address = hello.address
            let slow = Task(executorPreference: client.pool.loop) {
                try await asking.send(.init(.get, "/slow?ms=700"), to: address)
            }
            // The first request is with the worker once a later one has been answered.
            _ = try await client.send(.init(.get, "/"), to: address)
            hello.child.signal(SIGTERM)
            let response = try await slow.value
            #expect(response.status == 200)
            #expect(response.field("Connection") == "close")
            await hello.states.ended.wait()
            #expect(hello.states.termination.withLock { $0 } == .exited(code: 0))
            #expect(hello.states.states.withLock { $0.filter { $0 != "WATCHDOG=1" } } == ["READY=1", "STOPPING=1"])
        }
    }

    @Test func `a worker that crashes ends by a signal`() async throws {
        try await Self.withHello { hello, client in
            await #expect(throws: HTTPClientFailure.self) {
                _ = try await client.send(.init(.get, "/crash"), to: hello.address)
            }
            await hello.states.ended.wait()
            guard case .killed? = hello.states.termination.withLock({ $0 }) else {
                Issue.record("it ended in another way")
                return
            }
        }
    }
}
