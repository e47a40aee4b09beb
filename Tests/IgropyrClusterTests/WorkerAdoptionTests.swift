import FoundationEssentials
import Glibc
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

/// How it goes on with what an agent before it has left.
extension `A worker supervisor` {
    @Test func `writes down what runs, as long as it does`() async throws {
        let spec = SampleWorker.spec(revision).worker
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            try await supervisor.start(slot, spec)
            #expect(await eventually { WorkerLedger.read(from: folder.path)?.workers.first?.memory.isReady == true })
            let (record, ledger) = (await record(supervisor), WorkerLedger.read(from: folder.path))
            let entry = try #require(ledger?.workers.first)
            #expect(entry.slot == slot && entry.spec == spec && entry.port == record?.port)
            #expect(entry.process == ProcessIdentity(of: record?.pid ?? 0) && entry.socket != nil)
            await supervisor.stopAll()
            await supervisor.close()
            #expect(!FileSystem.exists(folder("workers.json")))
        }
    }

    @Test func `goes on with a worker that outlived its agent, ends strays, and replaces it when it dies`() async throws
    {
        let spec = SampleWorker.spec(revision).worker
        let name = NotificationSocket.uniqueName()
        let (old, stray) = (try spawn([]), try spawn(["NOTIFY_SOCKET=@\(name)"]))
        try FileSystem.createFolders(folder("run/worker-x/tmp"), permissions: 0o700)
        let place = WorkerPlace(folder: folder("run/worker-x"), controlGroup: nil)
        try write(old, spec, notifications: name, restarts: 4, place: place)
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            #expect(waitpid(stray, nil, WNOHANG) == stray, "it has ended by then")
            let adopted = try #require(await record(supervisor))
            #expect(adopted.pid == old && adopted.state == .ready && adopted.restarts == 4 && adopted.port == 9)
            kill(old, SIGKILL)
            #expect(
                await eventually {
                    guard await record(supervisor)?.pid != old else { return false }
                    return await isReady(supervisor)
                })
            #expect(await record(supervisor)?.restarts == 5)
            #expect(waitpid(old, nil, 0) == -1, "it left no zombie")
            #expect(await eventually { !FileSystem.exists(place.folder) })
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    @Test func `says in one line that a worker has ended while no agent was there`() async throws {
        let gone = try spawn([])
        try write(gone, SampleWorker.spec(revision).worker, socket: 1)
        kill(gone, SIGKILL)
        try #require(waitpid(gone, nil, 0) == gone)
        let log = KeptLog()
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop, log: log)
            #expect(await supervisor.localWorkers.isEmpty)
            await supervisor.close()
        }
        #expect(log.entries.map(\.text) == ["warning a worker has ended while no agent was there"])
    }

    @Test func `ends what an agent started that died before it had written down any worker`() async throws {
        try await onLoop { loop in
            let dead = try await supervisor(on: loop)
            let ledger = try #require(WorkerLedger.read(from: folder.path))
            #expect(ledger.workers.isEmpty)
            let stray = try spawn(["NOTIFY_SOCKET=@\(ledger.notifications)"])
            let next = try await supervisor(on: loop)
            #expect(waitpid(stray, nil, WNOHANG) == stray, "it has ended by then")
            await next.close()
            await dead.close()
            #expect(!FileSystem.exists(folder("workers.json")))
        }
    }

    @Test(arguments: [1, 0]) func `believes in no process of another boot, nor in another with the same number`(
        isSameBoot: Int
    ) async throws {
        let process = try spawn([])
        defer {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        let memory = Supervision.Memory(isReady: true)
        var ledger = WorkerLedger(notifications: NotificationSocket.uniqueName())
        // Of the same boot it is this test's process, under the number of the other.
        let (own, other) = (try #require(ProcessIdentity(of: getpid())), try #require(ProcessIdentity(of: process)))
        var text = String(decoding: try JSON.encode(isSameBoot == 1 ? own : other), as: UTF8.self)
        text = text.replacing("\"pid\":\(getpid())", with: "\"pid\":\(process)")
        let identity = try JSONDecoder().decode(ProcessIdentity.self, from: Data(text.utf8))
        ledger.workers = [
            .init(slot: slot, spec: SampleWorker.spec(revision).worker, process: identity, memory: memory, port: 9)
        ]
        if isSameBoot == 0 { ledger.boot = "another" }
        try ledger.write(to: folder.path)
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            #expect(await supervisor.localWorkers.isEmpty)
            #expect(kill(process, 0) == 0)
            await supervisor.close()
        }
    }

    @Test func `the keeper ends what a dead agent has left, and then nobody finds it`() throws {
        let process = try spawn([])
        let (place, _) = try WorkerPlace.make(
            for: slot, Confinement(), bundle: folder.path, secrets: ["KEY": Data([1])],
            at: .init(dataFolder: folder.path, host: HostConfinement(groups: nil)))
        try write(process, SampleWorker.spec(revision).worker, place: place)
        let held = try DataFolder(at: folder.path)
        Keeper.run(agent: 1 << 30, dataFolder: folder.path, grace: .milliseconds(400))
        #expect(kill(process, 0) == 0, "another agent has come")
        held.release()
        Keeper.run(agent: 1 << 30, dataFolder: folder.path, grace: .zero)
        #expect(waitpid(process, nil, 0) == process)
        #expect(!FileSystem.exists(folder("workers.json")))
        #expect(!FileSystem.exists(place.folder) && !FileSystem.exists(place.memoryFolder))
    }

    @Test func `the keeper ends what tells its state where it was told, too, once the folder has gone`() throws {
        let name = NotificationSocket.uniqueName()
        let stray = try spawn(["NOTIFY_SOCKET=@\(name)"])
        Keeper.run(agent: 1 << 30, dataFolder: folder("gone"), notifications: name, grace: .seconds(600))
        #expect(waitpid(stray, nil, WNOHANG) == stray, "it has ended by then")
    }

    @Test(.timeLimit(.minutes(1))) func `the keeper waits for nobody where the folder has gone, and makes none`() {
        Keeper.run(agent: 1 << 30, dataFolder: folder("gone"), grace: .seconds(600))
        #expect(!FileSystem.exists(folder("gone")))
    }

    @Test func `ends what another edition's agent has left`() async throws {
        let name = NotificationSocket.uniqueName()
        let stray = try spawn(["NOTIFY_SOCKET=@\(name)"])
        try folder.write(
            #"{"version": 2, "boot": "\#(ProcessStatus.boot)", "notifications": "\#(name)", "workers": "otherwise"}"#,
            to: WorkerLedger.name)
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            #expect(waitpid(stray, nil, WNOHANG) == stray, "it has ended by then")
            #expect(await supervisor.localWorkers.isEmpty)
            await supervisor.close()
        }
    }

    @Test func `an adopted worker with a check is asked whether it is well, and replaced if not`() async throws {
        var deployment = SampleWorker.spec(revision)
        deployment.health = HealthCheck(
            .http(path: "/"), intervalMilliseconds: 50, timeoutMilliseconds: 2000, failures: 2)
        let spec = deployment.worker
        let old = try spawn([])  // It answers nobody.
        try write(old, spec)
        try await onLoop { loop in
            let supervisor = try await supervisor(on: loop)
            #expect(
                await eventually {
                    guard await record(supervisor)?.pid != old else { return false }
                    return await isReady(supervisor)
                })
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    private func write(
        _ process: pid_t, _ spec: WorkerSpec, notifications: String = NotificationSocket.uniqueName(),
        restarts: Int = 0, socket: UInt64? = nil, place: WorkerPlace? = nil
    ) throws {
        let identity = try #require(ProcessIdentity(of: process))
        let entry = WorkerLedger.Entry(
            slot: slot, spec: spec, process: identity, memory: .init(restarts: restarts, isReady: true), port: 9,
            socket: socket, place: place)
        try WorkerLedger(notifications: notifications, workers: [entry]).write(to: folder.path)
    }

    /// A process in a session of its own.
    private func spawn(_ environment: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, 0x80 /* POSIX_SPAWN_SETSID */)
        let texts: [String] = ["sleep", "1000"]
        var words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        var pairs: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for word in words + pairs { free(word) } }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, "/bin/sleep", nil, &attributes, &words, &pairs) == 0)
        return pid
    }
}
