import IgropyrOrchestration
import Testing

@testable import IgropyrCluster

@Test func `a plan counts a worker whose bundle does not come as one that is yet to start`() throws {
    let (host, now) = (HostName(rawValue: "a")!, UnixTime(milliseconds: 1_750_000_000_000))
    let revision = BundleDigest(rawValue: String(repeating: "a", count: 64))!
    var (state, clock) = (ReplicatedState(), HybridClock(host: host))
    let spec = DeploymentSpec(
        revision: revision, kind: .executable(entry: "bin/app"), scale: .perHost(2), constraints: [:],
        route: .everything)
    _ = try state.deploy(.shop, spec, at: now, clock: &clock)
    // The first runs, or waits for its next try.
    for first in [WorkerRecord.State.ready, .backoff] {
        let workers = [(first, 9000), (.backoff, 0)].enumerated().map { index, worker in
            WorkerRecord(
                application: .shop, index: index, revision: revision, address: "127.0.0.1", port: worker.1,
                state: worker.0, fingerprint: spec.worker.fingerprint)
        }
        _ = state.publish(
            HostRecord(name: host, address: "127.0.0.1", controlPort: 7947, cores: 1, workers: workers), epoch: 1)
        let snapshot = Replica.Snapshot(state: state, members: [], alive: [host], failed: [])
        let report = try PlanReport(PlanRequest(), snapshot, host: host)
        #expect(report.moves.map(\.kind) == [.start] && report.moves.map(\.index) == [1], "\(first)")
    }
}
