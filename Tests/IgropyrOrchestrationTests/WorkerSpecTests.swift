import FoundationEssentials
import Testing

@testable import IgropyrOrchestration

/// A change of each thing that a worker is started with.
private let changes: [(field: String, change: @Sendable (inout WorkerSpec) -> Void)] = [
    ("revision", { $0.revision = .of("b") }),
    ("kind", { $0.kind = .executable(entry: "bin/other") }),
    ("arguments", { $0.arguments = ["-v"] }),
    ("environment", { $0.environment = ["A": "b"] }),
    ("confinement", { $0.confinement.memoryBytes = 1 << 30 }),
    ("isEncrypted", { $0.isEncrypted = true }),
    ("secrets", { $0.secrets = ["A": WorkerSecret(secret: Secret(.file))] }),
    ("health", { $0.health = HealthCheck(.tcp) }),
    ("stopTimeoutMilliseconds", { $0.stopTimeoutMilliseconds += 1 }),
    ("startTimeoutMilliseconds", { $0.startTimeoutMilliseconds += 1 }),
    ("restart", { $0.restart.intensity += 1 }),
    ("watchdogMilliseconds", { $0.watchdogMilliseconds = 1 }),
    ("generation", { $0.generation += 1 }),
]

@Test func `what others change is no other deployment if it is a secret's value or a restart`() {
    var spec = spec()
    spec.secrets = ["B": Secret(value: SealedValue(version: "1", key: "k", box: "x"))]
    let asked = spec.worker
    spec.secrets["B"]?.value?.version = "2"
    #expect(spec.worker != asked && spec.worker.differsAtMostInSecretsOrStarts(from: asked))
    spec.generation = 4
    #expect(spec.worker.differsAtMostInSecretsOrStarts(from: asked))
    for (field, change) in changes where field != "generation" {
        var other = asked
        change(&other)
        #expect(!other.differsAtMostInSecretsOrStarts(from: asked), "\(field)")
    }
}

@Test func `each field of what a worker is started with is in its fingerprint`() {
    let spec = spec().worker
    let fingerprints = changes.map { _, change in
        var changed = spec
        change(&changed)
        return changed.fingerprint
    }
    #expect(Set(fingerprints + [spec.fingerprint]).count == changes.count + 1)
    #expect(Mirror(reflecting: spec).children.compactMap(\.label) == changes.map(\.field), "a field has no row here")
}

@Test(arguments: changes.map(\.field)) func `what a worker is started with survives being written down`(
    field: String
) throws {
    var worker = spec().worker
    for (name, change) in changes where name == field { change(&worker) }
    let bytes = try JSONEncoder().encode(worker)
    #expect(try JSONDecoder().decode(WorkerSpec.self, from: bytes) == worker)
}
