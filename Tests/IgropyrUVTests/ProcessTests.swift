import class Foundation.Thread
import Glibc
import TestSupport
import Testing

@testable import IgropyrUV

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

    @Test func `a program gets the descriptors that it is given, and none that others have left open`() async throws {
        let ended = try await onLoop { loop in
            let stray = open("/dev/null", O_RDONLY)
            let given = open("/dev/null", O_RDONLY)
            defer { for descriptor in [stray, given] { close(descriptor) } }
            let script = "test -e /proc/self/fd/3 && ! test -e /proc/self/fd/\(stray)"
            let ended = Promise<ChildProcess.Termination>()
            let shell = ChildProcess.Command(
                executable: "/bin/sh", arguments: ["-c", script], descriptors: [nil, nil, nil, given])
            #expect(stray > 3)
            _ = try ChildProcess(on: loop, shell) { ended.fulfil($0) }
            return await ended.wait()
        }
        #expect(ended == .exited(code: 0))
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

    @Test(arguments: [
        ("exit 7", ChildProcess.Termination.exited(code: 7)), ("kill -9 $$", .killed(signal: 9)),
    ])
    func `how a child ended is told also to who goes on with it`(
        script: String, status: ChildProcess.Termination
    ) async throws {
        let (pid, gate) = try spawn("read line; \(script)")
        let identity = try #require(ProcessIdentity(of: pid))
        let ended = try await onLoop { loop in
            let ended = Promise<ChildProcess.Termination>()
            _ = try ChildProcess(on: loop, adopting: identity) { ended.fulfil($0) }
            close(gate)
            return await ended.wait()
        }
        #expect(ended == status)
        #expect(kill(pid, 0) == -1, "no zombie")
    }

    @Test func `what has ended, or is another by now, is not gone on with`() async throws {
        let (pid, gate) = try spawn("read line")
        let identity = try #require(ProcessIdentity(of: pid))
        close(gate)
        waitpid(pid, nil, 0)
        try await onLoop { loop in
            #expect(throws: UVError.self) { try ChildProcess(on: loop, adopting: identity) { _ in } }
        }
    }

    @Test func `a listening socket is taken over from a process that has it`() async throws {
        let socket = try ListeningSocket.open(.loopback(port: 0))
        let (address, inode) = (ListeningSocket.localAddress(of: socket), ListeningSocket.inode(of: socket))
        try await onLoop { loop in
            let ended = Promise<ChildProcess.Termination>()
            let child = try ChildProcess(
                on: loop,
                .init(
                    executable: "/bin/sh", arguments: ["-c", "exec sleep 1000"], descriptors: [nil, 1, 2, socket],
                    hasOwnSession: true)
            ) { ended.fulfil($0) }
            Descriptor.close(socket)
            let taken = try ListeningSocket.take(inode: try #require(inode), from: try #require(child.identity))
            #expect(ListeningSocket.localAddress(of: taken) == address)
            #expect(throws: UVError.self) {
                try ListeningSocket.take(inode: 0, from: try #require(child.identity))
            }
            child.signal(SIGKILL)
            _ = await ended.wait()
            Descriptor.close(taken)
        }
    }

    @Test func `what loses its parent is killed, and leaves no zombie`() async {
        await #expect(processExitsWith: .success) {
            try ChildProcesses.becomeSubreaper()
            // In a session of its own, and its parent is gone; its children will lose theirs.
            precondition(system("setsid sh -c 'sleep 1000 & sleep 1000' &") == 0)
            var hasChildren = false
            while !hasChildren {
                let all = ProcessStatus.all()
                let orphan = all.first { $0.parent == getpid() }
                hasChildren = all.count { $0.parent == orphan?.identity.pid } == 2
            }
            var killed = 0
            while killed < 3 {
                killed += ChildProcesses.killOrphans()
                sched_yield()
            }
            while ProcessStatus.all().contains(where: { $0.parent == getpid() }) { _ = ChildProcesses.killOrphans() }
            exit(0)
        }
    }

    @Test func `a child that ends while orphans are looked for is none`() async {
        await #expect(processExitsWith: .success) {
            let killed = try await onLoop { loop in
                // The others come after it in /proc, so that there is time for it to end.
                var children: [(child: ChildProcess, ended: Promise<ChildProcess.Termination>)] = []
                for _ in 0..<150 {
                    let ended = Promise<ChildProcess.Termination>()
                    let sleep = ChildProcess.Command(
                        executable: "/bin/sleep", arguments: ["1000"], hasOwnSession: true)
                    children.append((try ChildProcess(on: loop, sleep) { ended.fulfil($0) }, ended))
                }
                var killed = 0
                for (child, ended) in children {
                    let search = Task(executorPreference: loop) { await loop.offload { ChildProcesses.killOrphans() } }
                    await Task.yield()
                    child.signal(SIGKILL)
                    _ = await ended.wait()
                    killed += await search.value
                }
                return killed
            }
            exit(killed == 0 ? 0 : 1)
        }
    }

    @Test func `a process's line in /proc is read whatever its program is called`() throws {
        let rest = ") S 3 4 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2"
        // The second ends in what combines with the parenthesis behind it.
        for name in ["a) b (c)", "a\u{600}"] {
            let status = try #require(ProcessStatus(parsing: "12 (" + name + rest, pid: 12))
            #expect(status.parent == 3 && status.group == 4 && status.session == 5 && !status.isZombie)
            #expect(status.identity.pid == 12 && status.identity.startTime == 98765)
        }
        let line = "12 (a" + rest
        for damaged in ["", "12", "12 (a)", "12 (a) S 3 4", line.replacing("98765", with: "x")] {
            #expect(ProcessStatus(parsing: damaged, pid: 12) == nil)
        }
        #expect(ProcessStatus.all().contains { $0.identity == ProcessIdentity(of: getpid()) })
    }

    /// A shell that is a child of this process, and what it reads from until that is closed.
    private func spawn(_ script: String) throws -> (pid: pid_t, gate: Int32) {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let texts: [String] = ["sh", "-c", script]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        var words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, "/bin/sh", &actions, nil, &words, nil) == 0)
        close(ends[0])
        return (pid, ends[1])
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

    @Test func `descriptors that come with a notice do not stay`() async throws {
        try await onLoop { loop in
            let notice = Promise<NotificationSocket.Message>()
            let socket = try NotificationSocket(on: loop) { notice.fulfil($0) }
            var pipe: [Int32] = [-1, -1]
            try #require(Glibc.pipe(&pipe) == 0)
            for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            try send("READY=1", with: [Int32](repeating: pipe[1], count: 8), to: socket.name)
            close(pipe[1])
            let message = await notice.wait()
            #expect(message.text == "READY=1" && message.pid == getpid())
            var state = pollfd(fd: pipe[0], events: Int16(POLLIN), revents: 0)
            #expect(poll(&state, 1, 60_000) == 1 && state.revents == POLLHUP, "nobody has its other end any more")
            close(pipe[0])
            socket.close()
        }
    }

    /// As anybody on the host can.
    private func send(_ text: String, with descriptors: [Int32], to address: String) throws {
        let sender = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(sender) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: [0] + Array(address.utf8.dropFirst())) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count)
        let headerSize = MemoryLayout<cmsghdr>.size
        var control = [UInt64](repeating: 0, count: (headerSize + 4 * descriptors.count + 7) / 8)
        var bytes = Array(text.utf8)
        var rights = cmsghdr()
        rights.cmsg_len = headerSize + 4 * descriptors.count
        (rights.cmsg_level, rights.cmsg_type) = (SOL_SOCKET, 1 /* SCM_RIGHTS */)
        let sent = control.withUnsafeMutableBytes { control in
            control.storeBytes(of: rights, as: cmsghdr.self)
            descriptors.withUnsafeBytes { control[headerSize...].copyBytes(from: $0) }
            return bytes.withUnsafeMutableBytes { bytes in
                withUnsafeMutablePointer(to: &name) { name in
                    var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                    return withUnsafeMutablePointer(to: &part) { part in
                        var header = msghdr()
                        (header.msg_name, header.msg_namelen) = (UnsafeMutableRawPointer(name), length)
                        (header.msg_iov, header.msg_iovlen) = (part, 1)
                        (header.msg_control, header.msg_controllen) = (control.baseAddress, control.count)
                        return sendmsg(sender, &header, 0)
                    }
                }
            }
        }
        try #require(sent == bytes.count)
    }

    @Test func `who does not read that a process lives does not halt it`() async throws {
        try await onLoop { loop in
            let heard = Promise<Void>()
            let socket = try NotificationSocket(on: loop) { if $0.text == "WATCHDOG=1" { heard.fulfil(()) } }
            let environment = ["NOTIFY_SOCKET": socket.name, "WATCHDOG_USEC": "60000000"]
            let contract = ServiceContract(pid: getpid()) { environment[$0] }
            let address = socket.name
            let watchdog = Task(executorPreference: loop) {
                // In one turn of the loop that would read: nobody does before it goes on.
                let answer: nonisolated(nonsending) () async -> Void = {
                    #expect(throws: UVError(code: UVError.tryAgain, call: "sendto")) {
                        while true {
                            try ServiceNotification.send("X=1", to: address, longestWait: .milliseconds(1))
                        }
                    }
                }
                await contract.feedWatchdog(answer)
            }
            await heard.wait()
            watchdog.cancel()
            await watchdog.value
            socket.close()
        }
    }

    @Test func `whoever floods it leaves others on the loop their turn`() async throws {
        try await onLoop { loop in
            let turn = Promise<Void>()
            let isFlooded = Locked(true)
            var timer: Timer?
            // Slower than who sends, so that there is always one more.
            let socket = try NotificationSocket(on: loop) { _ in
                usleep(1000)
                guard timer == nil else { return }
                timer = try? Timer(on: loop)
                try? timer?.start(after: .zero) { turn.fulfil(()) }
            }
            let address = socket.name
            Thread.detachNewThread {
                while isFlooded.withLock(\.self) { try? ServiceNotification.send("X=1", to: address) }
            }
            await turn.wait()
            isFlooded.withLock { $0 = false }
            timer?.close()
            socket.close()
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
            let number = try await NameResolver.addresses(of: Endpoint(host: "10.1.2.3", port: 5))
            let name = try await NameResolver.addresses(of: Endpoint(host: "localhost", port: 5))
            return number + name
        }
        #expect(found.first?.description == "10.1.2.3:5")
        #expect(found.contains(.loopback(port: 5)))
    }
}
