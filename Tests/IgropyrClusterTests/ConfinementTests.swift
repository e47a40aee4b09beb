import Foundation
import Glibc
import IgropyrOrchestration
import TestSupport
import Testing

@testable import IgropyrCluster

private let slot = WorkerSlot(application: ApplicationName(rawValue: "shop")!, host: HostName(rawValue: "a")!, index: 0)

/// A node's data folder with a bundle, and what else there may be of secrets.
private struct Node {
    let folder: TemporaryFolder
    let bundle: String
    let site: WorkerPlace.Site

    init(_ host: HostConfinement = HostConfinement(groups: nil)) throws {
        folder = try TemporaryFolder()
        try folder.write("#!/bin/sh\n", to: "data/bundles/abc/run", permissions: 0o755)
        chmod(folder("data/bundles/abc"), 0o755)
        try folder.write("secret", to: "data/state.json", permissions: 0o644)
        bundle = folder("data/bundles/abc")
        site = .init(dataFolder: folder("data"), host: host)
    }
}

/// Becomes a shell that runs the script, as a worker becomes its program.
private func launch(_ script: String, confined text: String) throws -> Never {
    unsafe setenv(Confines.variable, text, 1)
    try Launcher.exec(["--parent", "\(getppid())", "--", "/bin/sh", "-c", script])
}

private func lines(_ result: ExitTest.Result?) -> [String] {
    String(decoding: result?.standardOutputContent ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
}

@Suite(.serialized) struct `A worker's confinement` {
    private static let canIsolate = HostConfinement(groups: nil).canIsolate

    @Test(.enabled(if: canIsolate))
    func `shows a worker nothing of the node but its own bundle, which it cannot write`()
        async throws
    {
        let node = try Node()
        let (place, confines) = try WorkerPlace.make(
            for: slot, Confinement(isolation: .on), bundle: node.bundle, at: node.site)
        let user = try #require(confines.isolatedUser)
        let (text, data, bundle) = (confines.text, node.site.dataFolder, node.bundle)
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            [text = text as String, data = data as String, bundle = bundle as String] in
            try launch(
                """
                id -u; id -G; pwd; ls \(data); ls \(data)/bundles
                cat \(data)/state.json 2>/dev/null || echo no state
                touch \(bundle)/x 2>/dev/null || echo read-only
                touch ./x 2>/dev/null || echo read-only here
                echo mine > /tmp/mine && find /tmp -type f ! -path '\(bundle)/*'
                grep NoNewPrivs /proc/self/status
                echo ${\(Confines.variable)-taken}
                """, confined: text)
        }
        #expect(
            lines(result) == [
                user, user, bundle, "bundles", "run", "abc", "no state", "read-only", "read-only here",
                "/tmp/mine", "NoNewPrivs:\t1", "taken",
            ])
        #expect(try node.folder.read("data/run/\(FileSystem.name(of: place.folder))/tmp/mine") == "mine\n")
        #expect(!FileSystem.exists("/tmp/mine"))
        place.remove()
        #expect(try node.folder.names("data/run").isEmpty)
        #expect(try node.folder.names("data/bundles/abc") == ["run"])
    }

    @Test(.enabled(if: canIsolate && WorkerUsers.found().areNumbered))
    func `keeps an application's secrets from the workers of others`() async throws {
        let node = try Node()
        var (victims, spies) = ([BackgroundCommand](), [String]())
        defer { for victim in victims { victim.signal(SIGKILL) } }
        for name in ["shop", "other"] {
            let application = try #require(ApplicationName(rawValue: name))
            let (_, confines) = try WorkerPlace.make(
                for: WorkerSlot(application: application, host: slot.host, index: 0), Confinement(),
                bundle: node.bundle, at: node.site)
            let user = try #require(confines.isolatedUser.flatMap { uid_t($0) })
            #expect(WorkerUsers.numbers.contains(user))
            spies.append(confines.text)
            victims.append(try await sleepingProcess(of: user))
        }
        #expect(spies[0] != spies[1])
        // A worker sees what its own application's others are told, and nothing of another's.
        for (text, seen) in [(spies[0], ["0", "1"]), (spies[1], ["1", "0"])] {
            let processes = victims.map { "\($0.pid)" }.joined(separator: " ")
            let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                [text = text as String, processes = processes as String] in
                try launch(
                    "for p in \(processes); do cat /proc/$p/environ >/dev/null 2>&1; echo $?; done", confined: text)
            }
            #expect(lines(result) == seen)
        }
    }

    private static let maps: [(map: String, isEnough: Bool)] = [
        ("         0          0 4294967295\n", true),
        ("0 100000 65536\n", false),
        ("0 1000 1\n1 100000 65536\n", false),
        ("0 0 2147352575\n", false),
        ("0 0 2147352576\n", true),
        ("", false),
    ]

    @Test(arguments: maps) func `gives numbers to users where a host has them`(map: String, isEnough: Bool) {
        #expect(WorkerUsers.covers(map) == isEnough)
        // On every host, and in every edition to come, the same.
        #expect(WorkerUsers(areNumbered: isEnough).user(of: slot.application) == (isEnough ? "2079123311" : "nobody"))
    }

    @Test(.enabled(if: canIsolate)) func `has the temporary files where they are its own`() async throws {
        let node = try Node()
        let (_, isolated) = try WorkerPlace.make(for: slot, Confinement(), bundle: node.bundle, at: node.site)
        let (_, open) = try WorkerPlace.make(
            for: slot, Confinement(isolation: .off), bundle: node.bundle, at: node.site)
        let command = WorkerCommand(
            surroundings: WorkerSurroundings(slot: slot, spec: spec(Confinement()), confines: isolated),
            folder: node.bundle, port: 1, notificationAddress: "")
        let environment = command.environment(SampleWorker.settings)
        #expect(environment["TMPDIR"] == isolated.temporaryFolder && environment["HOME"] == isolated.temporaryFolder)
        for (confines, folder) in [(isolated, "/tmp"), (open, open.temporaryFolder)] {
            let (text, own) = (confines.text, confines.temporaryFolder)
            let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                [text = text as String, own = own as String] in
                setenv("TMPDIR", own, 1)
                try launch("echo $TMPDIR", confined: text)
            }
            #expect(lines(result) == [folder])
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `runs as the user who is asked for, with his limits`() async throws {
        let node = try Node()
        let wanted = Confinement(
            memoryBytes: 512 << 20, openFiles: 64, processes: 5000, user: "daemon", isolation: .off)
        let (_, confines) = try WorkerPlace.make(for: slot, wanted, bundle: node.bundle, at: node.site)
        let text = confines.text
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            [text = text as String] in
            try launch("id -un; ulimit -n; ulimit -Hn; ulimit -d; ulimit -p", confined: text)
        }
        let output = lines(result)
        #expect(Array(output.prefix(4)) == ["daemon", "64", "64", "\(512 << 10)"])
    }

    @Test(arguments: [(nil, ["32", "hard"]), (64, ["64", "64"])])
    func `has as many open files at first as its node was started with, unless it is given a number`(
        wanted: Int?, expected: [String]
    ) async throws {
        let node = try Node()
        let (_, confines) = try WorkerPlace.make(
            for: slot, Confinement(openFiles: wanted, isolation: .off), bundle: node.bundle, at: node.site)
        var settings = SampleWorker.settings
        settings.openFiles = 32
        let surroundings = WorkerSurroundings(slot: slot, spec: spec(Confinement()), confines: confines)
        let text = try #require(surroundings.environment(settings)[Confines.variable])
        var before = rlimit()
        try #require(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before) == 0)
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            [text = text as String] in
            try launch("ulimit -Sn; ulimit -Hn", confined: text)
        }
        #expect(lines(result) == expected.map { $0 == "hard" ? "\(before.rlim_max)" : $0 })
    }

    @Test(.enabled(if: geteuid() == 0)) func `ends a worker that takes more memory than it may`() async throws {
        let node = try Node()
        let wanted = Confinement(memoryBytes: 32 << 20, isolation: .off)
        let (_, confines) = try WorkerPlace.make(for: slot, wanted, bundle: node.bundle, at: node.site)
        let text = confines.text
        await #expect(processExitsWith: .failure) { [text = text as String] in
            try launch("exec perl -e '$x = \"a\" x (1 << 26); print length $x'", confined: text)
        }
        await #expect(processExitsWith: .success) { [text = text as String] in
            try launch("exec perl -e '$x = \"a\" x (1 << 20)'", confined: text)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `dies with its node although it changes its user`() async throws {
        let node = try Node()
        let (_, confines) = try WorkerPlace.make(
            for: slot, Confinement(user: "daemon", isolation: .off), bundle: node.bundle, at: node.site)
        let text = confines.text
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            [text = text as String] in
            // prctl(PR_GET_PDEATHSIG) by its number.
            try launch(
                "exec perl -e 'my $s = pack(\"i\", 0); syscall(157, 2, $s); print unpack(\"i\", $s)'", confined: text)
        }
        if isX86 { #expect(lines(result) == ["9"]) }
    }

    @Test func `names an unknown user, and lets nothing run`() async throws {
        let node = try Node(HostConfinement(isRoot: true, canIsolate: false, groups: nil))
        let error = #expect(throws: ConfinementError.self) {
            try WorkerPlace.make(for: slot, Confinement(user: "no-such-user"), bundle: node.bundle, at: node.site)
        }
        #expect(error?.description == "there is no user \"no-such-user\" on this machine")
        #expect(try !FileSystem.exists(node.folder("data/run")) || node.folder.names("data/run").isEmpty)
    }

    private static let impossible: [(wanted: Confinement, isRoot: Bool, says: String)] = [
        (Confinement(cpuThousandths: 500), true, "needs control groups"),
        (Confinement(processes: 5, isolation: .off), true, "needs control groups"),
        (Confinement(processes: 5, user: "root"), true, "needs control groups"),
        (Confinement(isolation: .on), false, "needs a node that runs as root"),
    ]

    @Test(arguments: impossible) func `that cannot be had is refused, with what it needs`(
        wanted: Confinement, isRoot: Bool, says: String
    ) throws {
        let host = HostConfinement(isRoot: isRoot, canIsolate: true, groups: nil, groupsProblem: "no groups here")
        let node = try Node(host)
        let error = #expect(throws: ConfinementError.self) {
            try WorkerPlace.make(for: slot, wanted, bundle: node.bundle, at: node.site)
        }
        #expect(error?.description.contains(says) == true, "\(error.debugDescription)")
    }

    @Test func `asks a control group for the limits where there are groups`() throws {
        let groups = ControlGroups.settings(Confinement(memoryBytes: 1 << 30, cpuThousandths: 1500, processes: 64))
        #expect(
            groups.map { "\($0.file)=\($0.text)" } == [
                "memory.max=1073741824", "memory.swap.max=0", "memory.oom.group=1", "cpu.max=150000 100000",
                "pids.max=64",
            ])
        #expect(ControlGroups.settings(Confinement(openFiles: 64)).isEmpty)
    }

    @Test func `leaves places alone whose process lives, and removes the others`() throws {
        let node = try Node()
        let kept = try WorkerPlace.make(for: slot, Confinement(), bundle: node.bundle, at: node.site).place
        let gone = try WorkerPlace.make(for: slot, Confinement(), bundle: node.bundle, at: node.site).place
        let new = try WorkerPlace.make(for: slot, Confinement(), bundle: node.bundle, at: node.site).place
        try node.folder.write("\(getpid())", to: "data/run/\(FileSystem.name(of: kept.folder))/pid")
        try node.folder.write("1073741824", to: "data/run/\(FileSystem.name(of: gone.folder))/pid")
        WorkerPlace.removeAbandoned(by: node.site.dataFolder)
        #expect(FileSystem.exists(kept.folder) && !FileSystem.exists(gone.folder) && !FileSystem.exists(new.folder))
    }

    @Test func `leaves alone in memory what a process has, or is about to get`() throws {
        let (node, another) = (try Node(), try Node())
        let secrets = ["KEY": Data("s".utf8)]
        let places = try (0..<3).map { _ in
            try WorkerPlace.make(for: slot, Confinement(), bundle: node.bundle, secrets: secrets, at: node.site).place
        }
        defer { for place in places { place.remove() } }
        for (place, process) in zip(places, ["\(getpid())", "1073741824"]) {
            try AtomicFile.write(Array(process.utf8), to: "\(place.memoryFolder)/pid", permissions: 0o600)
        }
        WorkerPlace.removeAbandoned(by: another.site.dataFolder)
        #expect(places.map { FileSystem.exists($0.memoryFolder) } == [true, false, true])
    }

    private static let memoryEvents: [(events: String?, limit: WorkerExit.MemoryLimit?)] = [
        ("low 0\nhigh 0\nmax 41\noom 1\noom_kill 3\noom_group_kill 1\n", .own),
        ("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\noom_group_kill 0\n", .shared),
        ("low 0\nhigh 0\nmax 17\noom 0\noom_kill 0\noom_group_kill 0\n", nil),
        ("oom_kill", nil),
        (nil, nil),
    ]

    @Test(arguments: memoryEvents) func `tells by the control group whom the kernel killed for its memory`(
        events: String?, limit: WorkerExit.MemoryLimit?
    ) throws {
        let folder = try TemporaryFolder()
        if let events { try folder.write(events, to: "memory.events") }
        #expect(ControlGroups.memoryDeath(in: folder.path) == limit)
    }

    private func spec(_ confinement: Confinement) -> WorkerSpec {
        DeploymentSpec(
            revision: BundleDigest(rawValue: String(repeating: "a", count: 64))!, kind: .executable(entry: "run"),
            confinement: confinement
        ).worker
    }

    /// Until it is killed.
    private func sleepingProcess(of user: uid_t) async throws -> BackgroundCommand {
        let process = try BackgroundCommand([
            "setpriv", "--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", "/bin/sh", "-c",
            "echo; exec sleep 600",
        ])
        try await eventually("it is the user's") { !process.output.isEmpty }
        return process
    }

    private var isX86: Bool {
        #if arch(x86_64)
            true
        #else
            false
        #endif
    }
}
