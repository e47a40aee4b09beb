internal import IgropyrTime
internal import IgropyrUV
internal import Logging
internal import Metrics

/// What the log and swift-metrics are told of a client's connections, on all loops together. For any thread.
final class PoolInsight: Sendable {
    /// Between two messages that say the same of who waits.
    private static let pause = Duration.seconds(10)

    private struct Told {
        var cannotConnect = false
        var exhausted: Timestamp?
    }

    private let logger: Logger
    private let metrics: PoolMetrics?
    private let told = Locked(Told())

    /// `name` is what log and metrics call the database.
    init(_ settings: PoolSettings, name: String) {
        var logger = settings.logger
        logger[metadataKey: "database"] = "\(name)"
        self.logger = logger
        metrics = PoolMetrics(configured: settings.metrics, name: name)
    }

    var isMeasuring: Bool { metrics != nil }

    func didOpen() {
        metrics?.connections.increment()
        let isBack = told.withLock { told in
            defer { told.cannotConnect = false }
            return told.cannotConnect
        }
        if isBack { logger.notice("connected to the database again") }
    }

    /// Told once, until one can be made again.
    func didNotOpen(_ error: some Error) {
        metrics?.failed.increment()
        let isNews = told.withLock { told in
            defer { told.cannotConnect = true }
            return !told.cannotConnect
        }
        if isNews { logger.error("no connection to the database can be made", metadata: ["reason": "\(error)"]) }
    }

    func didClose() { metrics?.connections.decrement() }

    /// A connection that was lent failed.
    func didFail<ServerError>(_ error: DatabaseError<ServerError>, asked: String) {
        let metadata: Logger.Metadata = ["reason": "\(error)", "statement": "\(asked.excerpt())"]
        switch error {
        case .connectionLost:
            metrics?.lost.increment()
            logger.warning("a connection to the database was lost", metadata: metadata)
        case .timedOut: logger.warning("the database was too slow, and the connection dropped", metadata: metadata)
        case .resultTooLarge: logger.warning("a result was too large, and the connection dropped", metadata: metadata)
        case .server, .cannotConnect, .accessDenied, .tooManyConnections, .poolExhausted, .cancelled, .closed,
            .invalidParameter, .unsupported:
            break
        }
    }

    /// Told now and then, however many it is.
    func didExhaust(at now: Timestamp) {
        metrics?.refused.increment()
        let isNews = told.withLock { told in
            if let last = told.exhausted, last.duration(to: now) < Self.pause { return false }
            told.exhausted = now
            return true
        }
        guard isNews else { return }
        logger.warning("no connection to the database became free: all of connectionsPerLoop are lent")
    }

    func didWait(_ time: Duration) { metrics?.waits.recordNanoseconds(time.nanosecondsClamped) }
}

/// The label, the database's name, is the application's own.
private struct PoolMetrics: Sendable {
    let connections: Meter
    let failed: Counter
    let lost: Counter
    let refused: Counter
    let waits: Metrics.Timer

    /// Nil for a factory that keeps nothing.
    init?(configured: (any MetricsFactory)?, name: String) {
        let factory = configured ?? MetricsSystem.factory
        guard !(factory is NOOPMetricsHandler) else { return nil }
        let labels = [("database", name)]
        connections = Meter(label: "database_connections", dimensions: labels, factory: factory)
        failed = Counter(label: "database_connects_failed_total", dimensions: labels, factory: factory)
        lost = Counter(label: "database_connections_lost_total", dimensions: labels, factory: factory)
        refused = Counter(label: "database_refused_total", dimensions: labels, factory: factory)
        waits = Metrics.Timer(label: "database_wait_duration_seconds", dimensions: labels, factory: factory)
    }
}
