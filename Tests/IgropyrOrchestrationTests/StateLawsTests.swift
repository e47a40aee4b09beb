import FoundationEssentials
import TestSupport
import Testing

@testable import IgropyrOrchestration

/// Small worlds, so that names, timestamps and versions collide all the time.
private func randomState(_ generator: inout SplitMix) -> ReplicatedState {
    var state = ReplicatedState()
    let names: [ApplicationName] = ["x", "y", "z"]
    let hosts: [HostName] = ["a", "b", "c"]
    for name in names where Bool.random(using: &generator) {
        let timestamp = stamp(.random(in: 0...2, using: &generator), by: hosts.randomElement(using: &generator)!)
        let content = Bool.random(using: &generator) ? nil : spec("abc".randomElement(using: &generator)!)
        state.store(Deployment(name: name, timestamp: timestamp, spec: content))
    }
    for name in hosts where Bool.random(using: &generator) {
        let workers = Bool.random(using: &generator) ? [worker(names.randomElement(using: &generator)!)] : []
        let counter = Int64.random(in: 0...2, using: &generator)
        state.store(record(name, epoch: .random(in: 1...2, using: &generator), counter: counter, workers: workers))
    }
    for name in ["x.test", "*.y.test"] as [CertificateName] where Bool.random(using: &generator) {
        let timestamp = stamp(.random(in: 0...2, using: &generator), by: hosts.randomElement(using: &generator)!)
        let content = Bool.random(using: &generator) ? nil : content("ab".randomElement(using: &generator)!)
        state.store(Certificate(name: name, timestamp: timestamp, content: content))
    }
    return state
}

private func join(_ left: ReplicatedState, _ right: ReplicatedState) -> ReplicatedState {
    var result = left
    result.merge(right)
    return result
}

@Test(arguments: 0..<500 as Range<UInt64>) func `merging is commutative, associative and idempotent, also on ties`(
    seed: UInt64
) {
    var generator = SplitMix(seed: seed)
    let (a, b, c) = (randomState(&generator), randomState(&generator), randomState(&generator))
    #expect(join(a, b) == join(b, a))
    #expect(join(join(a, b), c) == join(a, join(b, c)))
    #expect(join(a, a) == a)
    #expect(join(join(a, b), b) == join(a, b))
}

@Test(arguments: 0..<200 as Range<UInt64>) func `a delta brings a peer what it lacks and nothing else`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    let (ours, theirs) = (randomState(&generator), randomState(&generator))
    let delta = ours.delta(for: theirs.digest)
    #expect(
        delta.deployments.allSatisfy { entry in
            theirs.deployments[entry.name].map { $0.timestamp < entry.timestamp } ?? true
        })
    var (updated, clock) = (theirs, HybridClock(host: "observer"))
    let change = updated.apply(delta, at: day, clock: &clock)
    #expect(change.refusals.isEmpty)
    #expect(change.deployments == delta.deployments.map(\.name) && change.hosts == delta.hosts.map(\.name))
    #expect(change.certificates == (delta.certificates ?? []).map(\.name))
    #expect(ours.delta(for: updated.digest).isEmpty)
    let repeated = updated.apply(delta, at: day, clock: &clock)
    #expect(repeated.isEmpty, "a repeated delta changes nothing")
}

@Test func `a removal wins a tie, and of two contents both sides choose the same`() {
    let removed = Deployment(name: "x", timestamp: stamp(0), spec: nil)
    let kept = Deployment(name: "x", timestamp: stamp(0), spec: spec("a"))
    let other = Deployment(name: "x", timestamp: stamp(0), spec: spec("b"))
    #expect(removed.joined(with: kept) == removed && kept.joined(with: removed) == removed)
    #expect(kept.joined(with: other) == other && other.joined(with: kept) == other)
}

/// Every field: one that the canonical bytes forget would leave a tie undecided.
private let variations: [@Sendable (inout DeploymentSpec) -> Void] = [
    { $0.revision = .of("f") }, { $0.kind = .site }, { $0.kind = .executable(entry: "b") },
    { $0.arguments = ["", "x"] },
    { $0.arguments = ["x", ""] }, { $0.environment = ["A": "b"] }, { $0.environment = ["A": ""] },
    { $0.scale = .total(1) },
    { $0.scale = .perHost(2) }, { $0.constraints = ["A": "b"] }, { $0.route = route("/x") },
    { $0.stopTimeoutMilliseconds = 1 }, { $0.startTimeoutMilliseconds = 1 }, { $0.restart.kind = .transient },
    { $0.restart.intensity = 1 }, { $0.restart.periodMilliseconds = 1 }, { $0.scale = .perCore },
    { $0.preferences = ["A": "b"] }, { $0.furtherRoutes = [route("/x")] }, { $0.hashKey = .uri },
    { $0.confinement.memoryBytes = 1 << 20 }, { $0.confinement.cpuThousandths = 10 },
    { $0.confinement.openFiles = 16 }, { $0.confinement.processes = 1 }, { $0.confinement.user = "www" },
    { $0.confinement.isolation = .on }, { $0.secrets = ["A": Secret()] }, { $0.secrets = ["A": Secret(.file)] },
    { $0.secrets = ["A": Secret(value: SealedValue(version: "1", key: "2", box: "3"))] },
    { $0.secrets = ["A": Secret(value: SealedValue(version: "1", key: "2", box: "4"))] },
    { $0.health = HealthCheck(.tcp) }, { $0.health = HealthCheck(.http(path: "/")) },
    { $0.health = HealthCheck(.tcp, intervalMilliseconds: 10) },
    { $0.health = HealthCheck(.tcp, timeoutMilliseconds: 10) },
    { $0.health = HealthCheck(.tcp, failures: 1) }, { $0.health = HealthCheck(.tcp, warmUp: ["/"]) },
]

@Test func `canonical bytes differ whenever anything differs`() {
    let specs = variations.map { vary in
        var result = spec()
        vary(&result)
        return result
    }
    #expect(Set(specs.map(\.canonicalBytes) + [spec().canonicalBytes]).count == variations.count + 1)
}

@Test func `every field of a spec survives JSON`() throws {
    for vary in variations {
        var content = spec()
        vary(&content)
        let bytes = try JSONEncoder().encode(content)
        #expect(try JSONDecoder().decode(DeploymentSpec.self, from: bytes) == content)
    }
}

@Test func `a spec of the first edition is read, what it does not know is as it was`() throws {
    let text = #"""
        {"revision":"\#(BundleDigest.of("a"))","kind":{"executable":{"entry":"bin/app"}},"arguments":[],"environment":{},
        "scale":{"perHost":1},"constraints":{},"route":{"pathPrefix":"/"},"stopTimeoutMilliseconds":30000,
        "startTimeoutMilliseconds":60000,"restart":{"kind":"permanent","intensity":5,"periodMilliseconds":10000}}
        """#
    #expect(try JSONDecoder().decode(DeploymentSpec.self, from: Data(text.utf8)) == spec())
}

@Test func `the first edition takes one worker per core for one per host`() throws {
    struct First: Decodable {
        var perHost: Int?
        var total: Int?
    }
    let first = try JSONDecoder().decode(First.self, from: JSONEncoder().encode(DeploymentSpec.Scale.perCore))
    #expect(first.perHost == 1 && first.total == nil)
}

@Test func `state survives JSON, names as keys`() throws {
    var state = ReplicatedState()
    state.store(Deployment(name: "x", timestamp: stamp(1), spec: spec(scale: .total(3), constraints: ["zone": "b"])))
    state.store(Deployment(name: "y", timestamp: stamp(2), spec: nil))
    state.store(record("a", workers: [worker("x")]))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let snapshot = try encoder.encode(state.snapshot)
    #expect(try JSONDecoder().decode(StateDelta.self, from: snapshot) == state.snapshot)
    let digest = try encoder.encode(state.digest)
    #expect(try JSONDecoder().decode(StateDigest.self, from: digest) == state.digest)
    #expect(String(decoding: digest, as: UTF8.self).contains(#""hosts":{"a":{"counter":0,"epoch":1}}"#))
    #expect(String(decoding: snapshot, as: UTF8.self).contains(#""scale":{"total":3}"#))
    #expect(String(decoding: snapshot, as: UTF8.self).contains(#""version":1"#))
}
