import IgropyrBalancer
import IgropyrUV

/// A balancer that runs, in a cluster or without: what is asked of it until it ends.
protocol BalancerService: Sendable {
    /// Returns if its loops turn.
    func answer() async
    func reloadCertificates() async throws
    func update(_ rules: TrafficRules) async
    func reopenAccessLog() async
    /// Returns the number of the new process, which has taken the sockets over.
    func startSuccessor(_ command: ChildProcess.Command, within limit: Duration) async throws -> Int32
    /// Requests under way have that long to finish.
    func stop(timeout: Duration) async throws
}

extension ClusterBalancer: BalancerService {}

/// A balancer of fixed workers.
struct LoneBalancer: BalancerService {
    let balancer: Balancer
    let directory: UpstreamDirectory
    let loop: EventLoop

    func answer() async { _ = await balancer.counters }
    func reloadCertificates() throws { try balancer.reloadCertificates() }
    func update(_ rules: TrafficRules) async { await directory.update(rules) }
    func reopenAccessLog() { balancer.reopenAccessLog() }

    func startSuccessor(_ command: ChildProcess.Command, within limit: Duration) async throws -> Int32 {
        try await balancer.startSuccessor(command, within: limit, on: loop)
    }

    func stop(timeout: Duration) async throws {
        await directory.close()
        try await balancer.stop(timeout: timeout)
    }
}
