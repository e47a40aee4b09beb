import Glibc
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProcessTests {
    @Test(arguments: [
        ("exit 0", ChildProcess.Termination.exited(code: 0)), ("exit 3", .exited(code: 3)),
        ("kill -9 $$", .killed(signal: 9)),
    ])
    func `how a child ended is told`(script: String, status: ChildProcess.Termination) async throws {
        let ended = try await onLoop { loop in
            let ended = Promise<ChildProcess.Termination>()
            let shell = ChildProcess.Command(executable: "/bin/sh", arguments: ["-c", script])
            _ = try ChildProcess(on: loop, shell) { ended.fulfil($0) }
            return await ended.wait()
        }
        #expect(ended == status)
    }

    @Test func `a program that does not exist is refused at once`() async throws {
        try await onLoop { loop in
            #expect(throws: UVError(code: UVError.notFound, call: "start /no/such/program")) {
                try ChildProcess(on: loop, .init(executable: "/no/such/program")) { _ in }
            }
        }
    }

    @Test func `a signal to the group ends what the child has started, too`() async throws {
        try await onLoop { loop in
            var ends: [Int32] = [-1, -1]
            #expect(pipe(&ends) == 0)
            let ended = Promise<ChildProcess.Termination>()
            let child = try ChildProcess(
                on: loop,
                .init(
                    executable: "/bin/sh", arguments: ["-c", "sleep 1000 & wait"],
                    descriptors: [nil, ends[1], nil], hasOwnSession: true)
            ) { ended.fulfil($0) }
            close(ends[1])
            child.signalGroup(SIGKILL)
            #expect(await ended.wait() == .killed(signal: SIGKILL))
            let reader = ends[0]
            // The pipe ends when its last writer is gone: the grandchild.
            let count = await loop.offload {
                var byte: UInt8 = 0
                return read(reader, &byte, 1)
            }
            #expect(count == 0)
            close(reader)
        }
    }

    @Test func `a child that nobody listens to leaves no zombie`() async throws {
        let pid = try await onLoop { loop in
            let child = try ChildProcess(on: loop, .init(executable: "/bin/sh", arguments: ["-c", "exec sleep 1000"])) {
                _ in
            }
            child.close()
            return child.pid
        }
        kill(pid, SIGKILL)
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while kill(pid, 0) == 0, ContinuousClock.now < deadline { await Task.yield() }
        #expect(errno == ESRCH)
    }

    @Test func `a child's notice arrives with its process`() async throws {
        try await onLoop { loop in
            let notice = Promise<NotificationSocket.Message>()
            let name = "igropyr-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
            let socket = try NotificationSocket(on: loop, name: name) { notice.fulfil($0) }
            try ServiceNotification.send("READY=1", to: socket.name)
            let message = await notice.wait()
            #expect(message.text == "READY=1")
            #expect(message.pid == getpid())
            #expect(message.uid == getuid())
            socket.close()
            #expect(throws: UVError.self) { try ServiceNotification.send("READY=1", to: "@\(name)-nobody") }
        }
    }

    @Test func `a signal is heard in place of what it would do`() async throws {
        try await onLoop { loop in
            let heard = Promise<Void>()
            let watcher = try SignalWatcher(on: loop, signal: SIGUSR1) { heard.fulfil(()) }
            kill(getpid(), SIGUSR1)
            await heard.wait()
            watcher.close()
        }
    }

    @Test func `writing to a peer that went away does not end the process`() async throws {
        try await onLoop { _ in _ = kill(getpid(), SIGPIPE) }
    }

    @Test func `a numeric host is read and a name is looked up`() async throws {
        let found = try await onLoop { loop in
            let number = try await NameResolver.addresses(of: Endpoint(host: "10.1.2.3", port: 5), on: loop)
            let name = try await NameResolver.addresses(of: Endpoint(host: "localhost", port: 5), on: loop)
            return number + name
        }
        #expect(found.first?.description == "10.1.2.3:5")
        #expect(found.contains(.loopback(port: 5)))
    }
}
