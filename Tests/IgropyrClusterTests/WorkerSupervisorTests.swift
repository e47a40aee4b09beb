import Foundation
import Glibc
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A worker supervisor` {
    let folder: TemporaryFolder
    let store: BundleStore
    let revision: BundleArchive.Summary
    let slot = WorkerSlot(application: ApplicationName(rawValue: "shop")!, host: HostName(rawValue: "a")!, index: 0)

    init() throws {
        folder = try TemporaryFolder()
        store = try BundleStore(openingAt: folder("bundles"))
        let (path, summary) = try SampleWorker.bundle(in: folder)
        try store.take(summary, from: path)
        revision = summary
        try FileSystem.createFolders(folder("logs"), permissions: 0o700)
    }

    private let keys = Locked<[ClusterKey]>([])

    func supervisor(on loop: EventLoop, log: KeptLog = KeptLog()) async throws -> WorkerSupervisor {
        let supervisor = WorkerSupervisor(
            .init(
                host: slot.host, address: .loopback(port: 0), advertisedHost: "127.0.0.1",
                settings: SampleWorker.settings, logFolder: folder("logs"),
                site: .init(dataFolder: folder.path, host: HostConfinement(groups: nil)), keys: keys,
                clusterKeys: keys.withLock { $0 }, logger: log.logger),
            store: store, on: loop
        ) {}
        try await supervisor.open()
        return supervisor
    }

    func record(_ supervisor: WorkerSupervisor) async -> WorkerRecord? { await supervisor.records().first }

    func isReady(_ supervisor: WorkerSupervisor) async -> Bool {
        guard let record = await record(supervisor) else { return false }
        return record.state == .ready && record.pid != 0
    }

    func becomesReady(
        _ supervisor: WorkerSupervisor, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let holds = await eventually { await isReady(supervisor) }
        let records = await supervisor.records()
        #expect(holds, "\(records)", sourceLocation: location)
    }

    /// What it says while it waits for the next try: another begins at any time.
    private func messageOfBackOff(_ supervisor: WorkerSupervisor) async throws -> String {
        var message: String?
        try await eventually("it backs off") {
            message = await record(supervisor).flatMap { $0.state == .backoff ? $0.message : nil }
            return message != nil
        }
        return message ?? ""
    }

    @Test func `starts a worker on a socket of its own and lets it drain`() async throws {
        let spec = SampleWorker.spec(revision).worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            let client = try HTTPRequester(on: loop)
            try await supervisor.start(slot, spec)
            #expect(await supervisor.localWorkers.map(\.state) == [.starting])
            try await becomesReady(supervisor)
            let worker = try #require(await record(supervisor))
            let answer = try await client.send(.init(.get, "/"), to: .loopback(port: worker.port))
            #expect(String(decoding: answer.body, as: UTF8.self) == "shop/a/0 \(worker.pid) hello")
            await supervisor.stopAll()
            #expect(await supervisor.localWorkers.isEmpty)
            #expect(try folder.read("logs/shop-0.log") == "says hello\n")
            #expect(kill(worker.pid, 0) == -1, "its process is gone")
            client.close()
            await supervisor.close()
        }
    }

    @Test(arguments: [HealthCheck.Probe.http(path: "/"), .tcp])
    func `asks a worker whether it is well, and replaces one that does not answer`(
        probe: HealthCheck.Probe
    ) async throws {
        var deployment = SampleWorker.spec(revision)
        deployment.health = HealthCheck(probe, intervalMilliseconds: 50, timeoutMilliseconds: 2000, failures: 2)
        let spec = deployment.worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            try await becomesReady(supervisor)
            let first = try #require(await record(supervisor))
            kill(first.pid, SIGSTOP)
            #expect(
                await eventually {
                    let now = await record(supervisor)
                    return now.map { $0.restarts > 0 && $0.state == .ready && ![0, first.pid].contains($0.pid) } == true
                })
            #expect(await record(supervisor)?.port == first.port)
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `a successor is not taken for well because its predecessor is`() async throws {
        var deployment = SampleWorker.spec(revision)
        deployment.health = HealthCheck(.http(path: "/"), timeoutMilliseconds: 500)
        let first = deployment.worker
        deployment.environment["SAYS"] = "nothing"
        let broken = deployment.worker
        deployment.environment["SAYS"] = "better"
        let better = deployment.worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, first)
            try await becomesReady(supervisor)
            try await supervisor.start(slot, broken)
            var wasReady = false
            #expect(
                await eventually {
                    let second = await supervisor.records().last
                    if second?.state == .ready { wasReady = true }
                    return second.map { $0.restarts > 1 } ?? false
                })
            #expect(!wasReady)
            await supervisor.stop(id: 2)
            #expect(await eventually { await supervisor.localWorkers.count == 1 })
            try await supervisor.start(slot, better)
            #expect(await eventually { await supervisor.localWorkers.map(\.state) == [.ready, .ready] })
            await supervisor.stop(id: 1)
            #expect(await supervisor.localWorkers.map(\.state) == [.draining, .ready])
            #expect(await supervisor.records().map(\.pid).allSatisfy { kill($0, 0) == 0 }, "it serves a little longer")
            #expect(await eventually { await supervisor.localWorkers.map(\.id) == [3] })
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `with a check, a notice of readiness is not enough`() async throws {
        var deployment = SampleWorker.spec(revision)
        deployment.health = HealthCheck(.http(path: "/die"), timeoutMilliseconds: 200)
        deployment.startTimeoutMilliseconds = 500
        let spec = deployment.worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            var wasReady = false
            #expect(
                await eventually {
                    let record = await record(supervisor)
                    if record?.state == .ready { wasReady = true }
                    return record.map { $0.restarts > 1 } ?? false
                })
            #expect(!wasReady)
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `a notice counts from what the worker has started, too, but from no stranger`() async throws {
        let spec = SampleWorker.spec(revision, says: "by another").worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            let name = await supervisor.notificationName
            try await supervisor.start(slot, spec)
            try ServiceNotification.send("READY=1", to: "@" + name)
            #expect(await eventually { await supervisor.strangeMessages == 1 })
            try await becomesReady(supervisor)
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `restarts a killed worker on the same socket, and no connection is refused meanwhile`() async throws {
        let spec = SampleWorker.spec(revision).worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            let client = try HTTPRequester(on: loop)
            try await supervisor.start(slot, spec)
            try await becomesReady(supervisor)
            let before = try #require(await record(supervisor))
            kill(before.pid, SIGKILL)
            var answers: Set<Int> = []
            for _ in 0..<50 {
                // A connection that the killed process had taken from the backlog may break; none is refused.
                let answer = try? await client.send(.init(.get, "/"), to: .loopback(port: before.port))
                answers.insert(answer?.status ?? 0)
            }
            #expect(answers.contains(200))
            #expect(
                await eventually {
                    guard await record(supervisor)?.pid != before.pid else { return false }
                    return await isReady(supervisor)
                })
            let after = try #require(await record(supervisor))
            #expect(after.port == before.port && after.restarts == 1)
            let answer = try await client.send(.init(.get, "/"), to: .loopback(port: before.port))
            #expect(String(decoding: answer.body, as: UTF8.self) == "shop/a/0 \(after.pid) hello")
            client.close()
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `tells that a killed worker is missing when its successor is not there in a moment`() async throws {
        let spec = SampleWorker.spec(revision, says: "slowly").worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            try await becomesReady(supervisor)
            let before = try #require(await record(supervisor))
            kill(before.pid, SIGKILL)
            #expect(await eventually { await record(supervisor)?.state == .starting })
            try await becomesReady(supervisor)
            let after = try #require(await record(supervisor))
            #expect(after.pid != before.pid && after.restarts == 1)
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `backs off from a worker that ends at its start, and says why`() async throws {
        let spec = SampleWorker.spec(revision, says: "nothing").worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            #expect(await eventually { await (record(supervisor)?.restarts ?? 0) >= 2 })
            let message = try await messageOfBackOff(supervisor)
            #expect(message.contains("exited with 3") && message.contains("before it was ready"), "\(message)")
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `reports a bundle that is not there`() async throws {
        let missing = BundleDigest(rawValue: String(repeating: "0", count: 64))!
        var spec = SampleWorker.spec(revision)
        spec.revision = missing
        let worker = spec.worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, worker)
            let message = try await messageOfBackOff(supervisor)
            #expect(message.contains("is not in"), "\(message)")
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `kills a worker that does not stop in time, with all that it has started`() async throws {
        try folder.write(
            "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $! > pid\nwait; sleep 1000\n", to: "s", permissions: 0o755)
        let summary = try BundleArchive.create(from: folder("s"), to: folder("s.tar"))
        try store.take(summary, from: folder("s.tar"))
        var spec = SampleWorker.spec(summary)
        spec.stopTimeoutMilliseconds = 100
        let worker = spec.worker
        let pidFile = "\(store.path)/\(summary.digest)/pid"
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, worker)
            #expect(await eventually { (try? AtomicFile.read(pidFile, limitBytes: 20))?.last == 10 })
            let text = String(decoding: try AtomicFile.read(pidFile, limitBytes: 20), as: UTF8.self).dropLast()
            let grandchild = try #require(Int32(text))
            await supervisor.stopAll()
            #expect(await eventually { hasEnded(grandchild) })
            await supervisor.close()
        }
    }

    @Test func `replaces a worker that no longer says that it is alive`() async throws {
        var spec = SampleWorker.spec(revision)
        spec.watchdogMilliseconds = 500  // It says so when it starts, and then waits for a connection.
        let worker = spec.worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, worker)
            var first: WorkerRecord?
            #expect(
                await eventually {
                    first = await record(supervisor)
                    return first?.state == .ready && first?.pid != 0
                })
            let (pid, restarts) = (first?.pid ?? 0, first?.restarts ?? 0)
            #expect(await eventually { (await record(supervisor)?.restarts ?? 0) > restarts })
            #expect(kill(pid, 0) == -1, "the one that hung is gone")
            try await becomesReady(supervisor)
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `nothing that a worker has started outlives it, though it dies`() async throws {
        let spec = SampleWorker.spec(revision, says: "behind").worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            try await becomesReady(supervisor)
            let worker = try #require(await record(supervisor)).pid
            let remains = ProcessStatus.all().filter { $0.group == worker }.map(\.identity.pid)
            #expect(remains.count == 2)
            kill(worker, SIGKILL)
            #expect(await eventually { remains.allSatisfy(hasEnded) })
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test(arguments: [("nothing", "it said: says nothing"), ("silence", nil)])
    func `quotes what the process that ended has printed, and not what another did`(
        says: String, quotation: String?
    ) async throws {
        try folder.write("of before\n", to: "logs/shop-0.log")
        let spec = SampleWorker.spec(revision, says: says).worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            var quotations: Set<String> = []
            #expect(
                await eventually {
                    guard let record = await record(supervisor) else { return false }
                    if let quoted = record.message.firstRange(of: "it said: ") {
                        quotations.insert(String(record.message[quoted.lowerBound...]))
                    }
                    return record.restarts > 2 && quotations.isEmpty == (quotation == nil)
                })
            #expect(quotations == Set([quotation].compactMap(\.self)))
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `tells the last line of a log from a place on`() throws {
        let log = WorkerLog(path: folder("logs/x.log"))
        let writer = try log.open()
        try writer.write(Array("first\nsecond\n".utf8).span.bytes)
        #expect(try [0, 6, 13].map { try log.lastLine(from: $0) } == ["second", "second", nil])
        try log.rotateIfFull(limitBytes: 13)
        try writer.write(Array("third\n".utf8).span.bytes)
        #expect(try log.lastLine(from: 13) == "third", "the log was emptied since")
    }

    @Test func `moves a full log aside while it is being written to`() throws {
        let log = WorkerLog(path: folder("logs/x.log"))
        let writer = try log.open()
        let line = Array("0123456789".utf8)
        try writer.write(line.span.bytes)
        try log.rotateIfFull(limitBytes: 11)
        #expect(try folder.read("logs/x.log").count == 10)
        try log.rotateIfFull(limitBytes: 10)
        try writer.write(line.span.bytes)
        #expect(try folder.read("logs/x.log") == "0123456789")
        #expect(try folder.read("logs/x.log.1") == "0123456789")
    }

    @Test func `removes logs that are old, but those of the workers that are there`() throws {
        let names = ["gone-0.log", "gone-0.log.1", "shop-0.log", "shop-0.log.1", "something else"]
        for name in names { try folder.write("x", to: "logs/\(name)") }
        func removeOld(before limit: UnixTime) throws -> [String] {
            WorkerLog.removeOld(in: folder("logs"), except: [WorkerLog(of: slot, in: folder("logs"))], before: limit)
            return try FileSystem.names(in: folder("logs")).sorted()
        }
        let written = try FileSystem.status(of: folder("logs/gone-0.log")).changed
        #expect(try removeOld(before: written) == names)
        #expect(try removeOld(before: UnixTime.now.advanced(byMilliseconds: 60_000)) == Array(names[2...]))
    }

    @Test func `empties a full log that cannot be kept aside`() throws {
        let log = WorkerLog(path: folder("logs/x.log"))
        try log.open().write(Array("0123456789".utf8).span.bytes)
        // As where the disk is full, no file can take this place.
        try FileSystem.createFolders(folder("logs/x.log.1/in the way"), permissions: 0o700)
        #expect(throws: FileError.self) { try log.rotateIfFull(limitBytes: 10) }
        #expect(try folder.read("logs/x.log").isEmpty)
        #expect(try FileSystem.names(in: folder("logs")).sorted() == ["x.log", "x.log.1"])
    }
}

@Suite struct `The launcher` {
    @Test(
        arguments: [
            (["--", "/bin/x"], nil, ["/bin/x"]),
            (["--parent", "12", "--", "/bin/x", "--", "-a"], 12, ["/bin/x", "--", "-a"]),
        ] as [([String], Int32?, [String])])
    func `reads its command line`(arguments: [String], parent: Int32?, command: [String]) throws {
        let order = try Launcher.Order(arguments)
        #expect(order.parent == parent && order.command == command)
    }

    @Test(arguments: [[], ["--"], ["/bin/x"], ["--parent", "--", "/bin/x"], ["--parent", "-1", "--", "/bin/x"]])
    func `refuses what it does not understand`(arguments: [String]) {
        #expect(throws: LauncherError.usage) { try Launcher.Order(arguments) }
    }

    @Test func `becomes the program, which finds its own number`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            try Launcher.exec(["--parent", "\(getppid())", "--", "/bin/sh", "-c", "test $LISTEN_PID = $$ && exit 7"])
        }
    }

    @Test func `starts nothing for an agent that is gone`() async {
        await #expect(processExitsWith: .exitCode(1)) {
            try Launcher.exec(["--parent", "1073741824", "--", "/bin/sh", "-c", "exit 7"])
        }
    }

    @Test(arguments: [("#!/bin/sh\r\nexit\n", "what its first line (#!) names"), ("puts 1\n", "begins with #!")])
    func `says what keeps a script from running`(script: String, reason: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(script, to: "run", permissions: 0o755)
        // A process that another test starts at this moment has the file open for writing until it is its own program.
        try await eventually("the reason is told") { "\(Launcher.become([folder("run")]))".contains(reason) }
    }

    @Test func `runs a program once nobody has it open for writing any more`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("#!/bin/sh\nexit 7\n", to: "run", permissions: 0o755)
        let program = folder("run")
        await #expect(processExitsWith: .exitCode(7)) { [program = program as String] in
            let writer = open(program, O_WRONLY | O_CLOEXEC)
            Thread.detachNewThread {
                usleep(100_000)
                close(writer)
            }
            try Launcher.exec(["--", program])
        }
    }

    @Test func `says which program cannot be run`() async {
        await #expect(processExitsWith: .success) {
            do { try Launcher.exec(["--", "/no/such"]) } catch {
                exit("\(error)" == "cannot run /no/such: No such file or directory" ? 0 : 1)
            }
        }
    }
}
