import FoundationEssentials
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A host agent that rolls out` {
    let folder: TemporaryFolder
    let bundle: (path: String, summary: BundleArchive.Summary)

    init() throws {
        folder = try TemporaryFolder()
        bundle = try SampleWorker.bundle(in: folder)
    }

    private func spec(_ says: String, scale: DeploymentSpec.Scale = .perHost(1)) -> DeploymentSpec {
        var spec = SampleWorker.spec(bundle.summary, says: says, scale: scale)
        spec.update = UpdatePolicy()
        spec.update?.minimumHealthyMilliseconds = 200
        spec.restart.intensity = 2
        return spec
    }

    /// Two nodes on which the application stands.
    private func cluster(
        _ loop: EventLoop, _ control: ControlClient, scale: DeploymentSpec.Scale = .perHost(1)
    ) async throws -> [SampleNode] {
        let first = try await SampleNode("a", on: loop)
        let second = try await SampleNode("b", on: loop, joining: first)
        try await second.statusSays("two hosts") { $0.hosts.count == 2 }
        try await control.upload(bundle.summary.index, from: bundle.path, to: first.control)
        _ = try await control.deploy(.shop, spec("old", scale: scale), at: first.control)
        // As both know: what is deployed before has nothing to go back to.
        for node in [first, second] { try await node.stands() }
        return [first, second]
    }

    @Test func `tells that what was decided here counts no more, for a decision where that was not known`() async throws
    {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop)
            try await control.upload(bundle.summary.index, from: bundle.path, to: node.control)
            _ = try await control.deploy(.shop, spec("old"), at: node.control)
            try await node.stands()
            // The other side of a partition.
            let other = HostName(rawValue: "b")!
            var (state, clock) = (ReplicatedState(), HybridClock(host: other))
            let old = try await control.deployment(.shop, at: node.control)
            _ = state.apply(StateDelta(deployments: [old]), at: .now, clock: &clock)
            _ = try await control.deploy(.shop, spec("here"), at: node.control)
            func exchange() async throws {
                let half = StateExchange(sender: other, digest: state.digest, delta: state.snapshot)
                _ = try await control.exchange(half, with: node.control)
            }
            func overruled() async throws -> [AuditEntry] {
                try await control.audit(of: node.control).entries.filter { $0.action == .overruled }
            }
            _ = try state.change(
                .shop, .scale(to: .total(2)), at: UnixTime.now.advanced(byMilliseconds: 1000), clock: &clock)
            try await exchange()
            try await eventually("it is told") { try await !overruled().isEmpty }
            // Whoever goes on from there overrules nothing.
            _ = try state.deploy(.shop, spec("later"), at: UnixTime.now.advanced(byMilliseconds: 2000), clock: &clock)
            try await exchange()
            _ = try await control.deploy(.shop, spec("last"), at: node.control)
            let entries = try await overruled()
            #expect(entries.map(\.application) == [.shop] && entries[0].revision == bundle.summary.digest)
            let winner = "with 1 per host, by revision \(bundle.summary.digest.short) with 2 in total, decided at b"
            #expect(entries[0].detail.contains(winner))
            await node.agent.stop()
            await control.close()
        }
    }

    @Test func `tells who fetches of itself and of what is decided, an earlier edition of all`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            try await nodes[0].statusSays("both have a worker") { report in
                report.workers.map(\.host.rawValue).sorted() == ["a", "b"]
            }
            let balancer = HostName(rawValue: "lb")!
            var question = StateExchange(sender: balancer, digest: StateDigest(), delta: StateDelta())
            let all = try await control.exchange(question, with: nodes[0].control)
            #expect(all.delta.hosts.map(\.name.rawValue) == ["a", "b"] && all.delta.deployments.count == 1)
            #expect(all.isFetch == nil && all.digest.hosts.count == 2)
            question.isFetch = true
            let news = try await control.exchange(question, with: nodes[0].control)
            #expect(news.delta.hosts.map(\.name.rawValue) == ["a"] && news.delta.deployments == all.delta.deployments)
            #expect(news.isFetch == true && news.digest == StateDigest())
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `takes a revision back that does not start, by any host's decision, and keeps the old one meanwhile`()
        async throws
    {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil, user: "ann@desk")
            let nodes = try await cluster(loop, control)
            var pids: [Int32] = []
            for node in nodes {
                try await eventually("it tells of its worker") { await !node.readyWorkers().isEmpty }
                pids += await node.readyWorkers().compactMap(\.pid)
            }
            _ = try await control.deploy(.shop, spec("nothing"), at: nodes[1].control)
            for node in nodes {
                try await eventually("it is back") { await node.rollout?.cause == .automaticRollback }
            }
            for node in nodes {
                try await eventually("and stands again") {
                    guard await node.rollout?.isComplete == true else { return false }
                    return await node.agent.status?.workers.count == 2
                }
            }
            var present: [Int32] = []
            for node in nodes { present += await node.readyWorkers().compactMap(\.pid) }
            #expect(present == pids, "the same processes as before")
            let reason = try #require(await nodes[0].rollout?.reason)
            #expect(reason.contains("exited with 3") && !reason.contains("next try"), "that is past at once")

            let deployment = try await control.deployment(.shop, at: nodes[0].control)
            #expect(deployment.history.map(\.outcome) == [.failed, .stood])
            let entries = try await control.audit(of: nodes[1].control).entries
            let deploy = try #require(entries.first { $0.action == .deploy })
            #expect(deploy.user == "ann@desk" && deploy.application == .shop && deploy.address != nil)
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `takes back what a host cannot fetch in time; where nothing goes back, it goes on once it can`()
        async throws
    {
        let other = try SampleWorker.bundle(in: folder, named: "other").summary
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            // There its index would be kept.
            let obstacle = nodes[1].folder("data/bundles/\(other.digest).partial")
            try FileSystem.createFolders(obstacle, permissions: 0o700)
            try await control.upload(other.index, from: folder("other.tar"), to: nodes[0].control)
            func deploy(rollsBack: Bool) async throws {
                var new = SampleWorker.spec(other, says: "new")
                new.update = spec("new").update
                new.update?.healthDeadlineMilliseconds = 10_000  // The one that has the bundle starts meanwhile.
                new.update?.rollsBack = rollsBack
                _ = try await control.deploy(.shop, new, at: nodes[0].control)
            }
            try await deploy(rollsBack: true)
            for node in nodes {
                try await eventually("it is back, and stands") {
                    let rollout = await node.rollout
                    return rollout?.cause == .automaticRollback && rollout?.isComplete == true
                }
            }
            let reason = try #require(await nodes[0].rollout?.reason)
            let why = "shop/b/0 failed: its bundle has not come for 10 s: "
            #expect(reason.hasPrefix(why), "\(reason)")
            try await nodes[0].statusSays("what was tried has gone") { $0.workers.count == 2 }

            try await deploy(rollsBack: false)
            try await eventually("it says why it stops") { await nodes[0].rollout?.reason?.hasPrefix(why) == true }
            #expect(await nodes[0].rollout?.cause == .deploy)
            #expect(await nodes[1].readyWorkers().map(\.revision) == [bundle.summary.digest])
            try FileSystem.removeTree(obstacle)
            for node in nodes {
                try await eventually("it goes on") {
                    guard await node.rollout?.isComplete == true else { return false }
                    return await node.readyWorkers().map(\.revision) == [other.digest]
                }
            }
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `restarts on request, goes back on request, and refuses what makes no sense`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            let old = await nodes[0].readyWorkers().first?.pid
            _ = try await control.change(.shop, .restart, at: nodes[0].control)
            try await eventually("all were replaced") {
                guard await nodes[0].rollout?.isComplete == true, let now = await nodes[0].readyWorkers().first?.pid
                else { return false }
                return now != old
            }
            _ = try await control.deploy(.shop, spec("new"), at: nodes[0].control)
            try await nodes[0].stands()
            let back = try await control.change(.shop, .rollback(to: nil), at: nodes[1].control)
            #expect(back.spec?.environment["SAYS"] == "old" && back.progress.cause == .rollback)
            for change in [ReplicatedState.Change.resume, .promote] {
                let error = await #expect(throws: ControlError.self) {
                    try await control.change(.shop, change, at: nodes[1].control)
                }
                #expect(error?.code == .refused(status: 409))
            }
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `hands over when it is drained, stays empty through a restart, and takes its share again`() async throws
    {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control, scale: .total(2))
            try await control.schedule(.drained, at: nodes[1].control)
            try await nodes[0].hasReady(2)
            try await eventually("it is empty") {
                await nodes[1].agent.status?.workers.contains { $0.host.rawValue == "b" } == false
            }
            await nodes[1].agent.stop()
            let again = try await SampleNode("b", on: loop, joining: nodes[0], folder: nodes[1].folder)
            try await eventually("it is back") { await again.agent.status?.hosts.count == 2 }
            #expect(await again.agent.scheduling == .drained)
            try await control.schedule(.active, at: again.control)
            try await again.hasReady(1)
            try await control.schedule(.cordoned, at: again.control)
            _ = try await control.change(.shop, .scale(to: .total(4)), at: nodes[0].control)
            try await nodes[0].hasReady(3)
            #expect(await again.readyWorkers().count == 1)

            var question = PlanRequest()
            question.without = [HostName(rawValue: "b")!]
            let plan = try await control.plan(question, at: nodes[0].control)
            #expect(plan.moves.map(\.kind).sorted { $0.rawValue < $1.rawValue } == [.start, .stop])
            question.without = []
            question.application = .shop
            question.spec = try await control.deployment(.shop, at: nodes[0].control).spec
            #expect(try await control.plan(question, at: nodes[0].control).moves.isEmpty)
            question.spec?.arguments.append("x")
            let settings = try await control.plan(question, at: nodes[0].control).moves
            #expect(settings.map(\.kind) == Array(repeating: .replace, count: 4))
            question.application = ApplicationName(rawValue: "other")
            let taken = await #expect(throws: ControlError.self) {
                try await control.plan(question, at: nodes[0].control)
            }
            #expect(taken?.description.contains("is taken by application shop") == true, "\(taken as Any)")
            question.spec?.route = try Route(pathPrefix: "/other")
            let other = try await control.plan(question, at: nodes[0].control).moves
            #expect(other.map(\.kind) == Array(repeating: .start, count: 4))
            #expect(try await control.status(of: nodes[0].control).applications.count == 1)
            await control.close()
            await again.agent.stop()
            await nodes[0].agent.stop()
        }
    }

    @Test func `goes on, with what it knows and what peers have, when its folder is removed under it`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            try await control.schedule(.cordoned, at: nodes[1].control)
            let data = nodes[1].folder("data")
            let topics = try AtomicFile.read("\(data)/topics.json", limitBytes: 4096)
            // It writes meanwhile.
            try await eventually("it is gone") { (try? FileSystem.removeTree(data)) != nil }
            try await eventually("all is there again") {
                let files = ["state.json", "node.json", "peers.json", "scheduling.json", "topics.json"]
                return files.allSatisfy { FileSystem.exists("\(data)/\($0)") }
                    && WorkerLedger.read(from: data)?.workers.count == 1
            }
            #expect(try AtomicFile.read("\(data)/topics.json", limitBytes: 4096) == topics, "workers ask there")
            try await control.schedule(.active, at: nodes[1].control)
            _ = try await control.deploy(.shop, spec("new"), at: nodes[0].control)
            try await nodes[1].stands()
            try await nodes[1].statusSays("no problem") { $0.problems.isEmpty }
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `keeps its bundles when nothing but the lock of its folder is removed under it`() async throws {
        try folder.write("<html>", to: "site/index.html")
        let other = try BundleArchive.create(from: folder("site"), to: folder("site.tar"))
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop)
            try await control.upload(other.index, from: folder("site.tar"), to: node.control)
            #expect(await node.agent.bundles.whole == [other.digest])
            // The ledger is written once bundles were looked for.
            for name in ["workers.json", "lock"] { try FileSystem.removeTree(node.folder("data/\(name)")) }
            try await eventually("all is there again") { FileSystem.exists(node.folder("data/workers.json")) }
            #expect(await node.agent.bundles.whole == [other.digest])
            #expect(await node.agent.bundles.times[other.digest] != nil)
            await control.close()
            await node.agent.stop()
        }
    }

    @Test func `takes no deployment that no host fits while others serve`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            var mistyped = spec("new")
            mistyped.constraints = ["disk": "sdd"]
            let error = await #expect(throws: ControlError.self) {
                try await control.deploy(.shop, mistyped, at: nodes[0].control)
            }
            #expect(error?.code == .refused(status: 409) && error?.description.contains("disk=sdd") == true)
            // Nor is it planned, by which it is refused before its bundle is sent.
            var request = PlanRequest()
            (request.application, request.spec) = (.shop, mistyped)
            let question = request
            let plan = await #expect(throws: ControlError.self) {
                try await control.plan(question, at: nodes[0].control)
            }
            #expect(plan?.description == error?.description)
            (request.isCheck, request.spec) = (true, spec("new"))
            #expect(try await control.plan(request, at: nodes[0].control).moves.isEmpty, "it would not be refused")
            request.spec = mistyped
            let (check, checked) = (request, error)
            let refusal = await #expect(throws: ControlError.self) {
                try await control.plan(check, at: nodes[0].control)
            }
            #expect(refusal?.description == checked?.description)
            #expect(await nodes[0].agent.status?.applications.first?.wanted == 2)
            // Where nothing serves, hosts may come later.
            _ = try await control.change(.shop, .scale(to: .total(0)), at: nodes[0].control)
            _ = try await control.deploy(.shop, mistyped, at: nodes[0].control)
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `says in a plan what a rollout waits for`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            var canary = spec("new")
            canary.update?.canary = 1
            _ = try await control.deploy(.shop, canary, at: nodes[0].control)
            try await eventually("the canary is good") { await nodes[0].rollout?.awaitsPromotion == true }
            let plan = try await control.plan(PlanRequest(), at: nodes[0].control)
            #expect(plan.holds?[.shop]?.contains("igropyr promote shop") == true && plan.moves.count == 1)
            _ = try await control.change(.shop, .pause, at: nodes[0].control)
            let paused = try await control.plan(PlanRequest(), at: nodes[0].control)
            #expect(paused.holds?[.shop]?.contains("igropyr resume shop") == true && paused.moves == plan.moves)
            _ = try await control.change(.shop, .promote, at: nodes[0].control)
            _ = try await control.change(.shop, .resume, at: nodes[0].control)
            try await nodes[0].stands()
            #expect(try await control.plan(PlanRequest(), at: nodes[0].control).holds?.isEmpty == true)
            await control.close()
            for node in nodes { await node.agent.stop() }
        }
    }

    @Test func `plans nothing without hosts or for applications that are not there, nor what it would refuse`()
        async throws
    {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let nodes = try await cluster(loop, control)
            await nodes[1].agent.stop()
            try await eventually("it has left") {
                await nodes[0].agent.status?.hosts.map(\.status) == [.alive, .left]
            }
            func request(_ change: (inout PlanRequest) -> Void) -> PlanRequest {
                var request = PlanRequest()
                change(&request)
                return request
            }
            let other = ApplicationName(rawValue: "other")!
            var secretive = spec("new")
            secretive.secrets = ["TOKEN": Secret()]
            var encrypted = spec("new")
            encrypted.isEncrypted = true
            let refusals: [(PlanRequest, status: Int, words: String)] = [
                (request { $0.without = [HostName(rawValue: "c")!] }, 404, "no node called c; the nodes are: a, b"),
                (request { $0.without = [HostName(rawValue: "b")!] }, 409, "b has left already"),
                (request { ($0.application, $0.scale) = (other, .total(2)) }, 404, "deployed are: shop"),
                (request { ($0.application, $0.scale) = (.shop, .total(-5)) }, 422, "not from 0 to 1000"),
                (request { ($0.application, $0.spec) = (.shop, encrypted) }, 422, "needs a cluster with a key"),
                (
                    request { ($0.application, $0.spec, $0.secrets) = (.shop, secretive, []) }, 422,
                    "TOKEN has no value"
                ),
                (
                    request { ($0.application, $0.spec, $0.secrets) = (.shop, secretive, ["TOKEN"]) }, 422,
                    "need a cluster with a key"
                ),
            ]
            for (request, status, words) in refusals {
                let error = await #expect(throws: ControlError.self) {
                    try await control.plan(request, at: nodes[0].control)
                }
                #expect(error?.code == .refused(status: status), "\(words): \(error as Any)")
                #expect(error?.description.contains(words) == true, "\(words): \(error as Any)")
            }
            await control.close()
            await nodes[0].agent.stop()
        }
    }
}

@Test func `an audit log is bounded, and a torn line spoils no other`() throws {
    let folder = try TemporaryFolder()
    let data = try DataFolder(at: folder("data"))
    defer { data.release() }
    let log = AuditLog(in: data)
    for count in 0..<50 {
        try log.append(.sample(count), limitBytes: 2000)
    }
    let sizes = try [log.path, log.path + ".1"].map { try FileSystem.status(of: $0).byteCount }
    #expect(sizes.allSatisfy { $0 < 2500 })
    #expect(log.entries().last == .sample(49) && log.entries().count > 10)
    let file = try BlockingFile(log.path, .append(permissions: 0o600))
    try file.write(Array("{\"time\":".utf8).span.bytes)
    #expect(log.entries().last == .sample(49))
}

@Test func `an action of a later edition is told of by its name, and spoils no report`() throws {
    let entry = #"{"time": 1, "host": "a", "action": "teleport", "detail": "", "cause": "a field not known, either"}"#
    let json = #"{"version": 1, "host": "a", "entries": [\#(entry)]}"#
    let report = try JSONDecoder().decode(AuditReport.self, from: Data(json.utf8))
    #expect(report.entries.map(\.action.rawValue) == ["teleport"])
    let written = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
    #expect(written.contains(#""action":"teleport""#))
}

extension AuditEntry {
    fileprivate static func sample(_ count: Int) -> AuditEntry {
        AuditEntry(
            time: UnixTime(milliseconds: Int64(count)), host: HostName(rawValue: "a")!, action: .scale, detail: "")
    }
}

extension SampleNode {
    fileprivate var rollout: StatusReport.Rollout? {
        get async { await agent.status?.applications.first?.rollout }
    }

    /// A first deployment replaces nothing: its rollout is complete before its workers are ready.
    fileprivate func stands(_ location: SourceLocation = #_sourceLocation) async throws {
        try await statusSays("it stands", location) { report in
            guard let shop = report.applications.first else { return false }
            return shop.rollout?.isComplete == true && shop.ready == shop.wanted
        }
    }
}
