import IgropyrUV
import Logging

/// Tells the operator of workers that took no connection when they were tried again, either, such as those behind a
/// firewall: once for all loops, and when it is over.
final class RefusalLog: Sendable {
    private let logger: Logger
    /// No more than there are workers.
    private let told = Locked<Set<SocketAddress>>([])

    init(_ logger: Logger) { self.logger = logger }

    func noteRefusal(by worker: WorkerState) {
        guard told.withLock({ $0.insert(worker.address).inserted }) else { return }
        logger.warning(
            "a worker takes no connections, and requests go around it: does a firewall let TCP through to it?",
            metadata: ["address": "\(worker.address)", "host": "\(worker.host)"])
    }

    func noteConnection(to worker: WorkerState) {
        guard told.withLock({ $0.remove(worker.address) != nil }) else { return }
        logger.notice(
            "a worker takes connections again",
            metadata: ["address": "\(worker.address)", "host": "\(worker.host)"])
    }

    /// Forgets those that have gone.
    func keep(_ addresses: some Sequence<SocketAddress>) {
        let present = Set(addresses)
        told.withLock { $0.formIntersection(present) }
    }
}
