import IgropyrTime
import IgropyrUV

/// One application's measures on one loop, and those of its workers.
///
/// A worker that is in no snapshot any more keeps its measures for ``retention``, so that its last requests are
/// scraped; no more than ``departedLimit`` of these are kept.
final class ApplicationMeter {
    static let retention = Duration.seconds(300)
    static let departedLimit = 256

    let name: String
    var measures = RequestMeasures()
    private(set) var workers: [String: WorkerMeter] = [:]
    private var byAddress: [SocketAddress: WorkerMeter] = [:]
    /// When it was found missing in a snapshot.
    private(set) var leftAt: Timestamp?

    init(name: String) { self.name = name }

    func worker(at address: SocketAddress) -> WorkerMeter? { byAddress[address] }

    /// Takes the workers of a snapshot; nil if it does not have the application.
    func update(_ present: [Upstreams.Worker]?, at now: Timestamp) {
        leftAt = present == nil ? leftAt ?? now : nil
        var missing = Set(workers.keys)
        for worker in present ?? [] {
            missing.remove(worker.id)
            let meter = workers[worker.id] ?? WorkerMeter(id: worker.id, address: worker.address)
            meter.address = worker.address
            meter.leftAt = nil
            workers[worker.id] = meter
        }
        for id in missing { workers[id]?.leftAt = workers[id]?.leftAt ?? now }
        prune(at: now)
        byAddress = [:]
        for meter in workers.values where meter.leftAt != nil { byAddress[meter.address] = meter }
        for meter in workers.values where meter.leftAt == nil { byAddress[meter.address] = meter }
    }

    /// Forgets who left long ago, and of too many those who left first.
    func prune(at now: Timestamp) {
        let departed = workers.values.filter { $0.leftAt != nil }.sorted { $0.left < $1.left }
        for (rank, meter) in departed.enumerated()
        where meter.left.advanced(by: Self.retention) <= now || departed.count - rank > Self.departedLimit {
            workers[meter.id] = nil
            if byAddress[meter.address] === meter { byAddress[meter.address] = nil }
        }
    }
}

/// One worker's measures on one loop.
final class WorkerMeter {
    let id: String
    var address: SocketAddress
    var measures = RequestMeasures()
    /// When it was found missing in a snapshot.
    var leftAt: Timestamp?

    init(id: String, address: SocketAddress) {
        self.id = id
        self.address = address
    }

    fileprivate var left: Timestamp { leftAt ?? .distantFuture }
}
