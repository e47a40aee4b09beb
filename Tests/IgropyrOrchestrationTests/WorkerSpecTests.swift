import FoundationEssentials
import IgropyrOrchestration
import Testing

private func worker(_ change: (inout DeploymentSpec) -> Void) -> WorkerSpec {
    var spec = spec("a")
    change(&spec)
    return spec.worker
}

private let workers: [WorkerSpec] = [
    worker { _ in }, worker { $0.arguments = ["-v"] }, worker { $0.environment = ["A": "1"] },
    worker { $0.confinement.user = "www-data" }, worker { $0.health = HealthCheck(.tcp) },
    worker { $0.secrets = ["KEY": Secret(.file, value: SealedValue(version: "1", key: "2", box: "3"))] },
    worker { $0.stopTimeoutMilliseconds = 1 }, worker { $0.startTimeoutMilliseconds = 1 },
    worker { $0.restart = RestartPolicy(.transient) }, worker { $0.watchdogMilliseconds = 1 },
    worker { $0.generation = 1 },
]

@Test(arguments: workers) func `what a worker is started with survives being written down`(worker: WorkerSpec) throws {
    let bytes = try JSONEncoder().encode(worker)
    #expect(try JSONDecoder().decode(WorkerSpec.self, from: bytes) == worker)
}

@Test func `whatever a worker is started with shows in its fingerprint`() {
    #expect(Set(workers.map(\.fingerprint)).count == workers.count)
}
