/// What one loop, or all of them together, have measured until now.
struct InsightReport: Sendable {
    var counters = BalancerCounters()
    /// Of clients.
    var connections = 0
    /// To workers.
    var upstreamConnections = 0
    /// By name.
    var applications: [String: ApplicationReport] = [:]

    static func += (total: inout InsightReport, part: InsightReport) {
        total.counters += part.counters
        total.connections += part.connections
        total.upstreamConnections += part.upstreamConnections
        total.applications.merge(part.applications) { $0.adding($1) }
    }
}

struct ApplicationReport: Sendable {
    var measures: RequestMeasures
    /// Whether it is in the present snapshot.
    var isPresent: Bool
    /// By their ids.
    var workers: [String: WorkerReport] = [:]

    fileprivate func adding(_ part: ApplicationReport) -> ApplicationReport {
        var total = self
        total.measures += part.measures
        total.isPresent = total.isPresent || part.isPresent
        total.workers.merge(part.workers) { $0.adding($1) }
        return total
    }
}

struct WorkerReport: Sendable {
    var measures: RequestMeasures
    /// Whether it is in the present snapshot.
    var isPresent: Bool
    /// Whether a loop goes around it because it refused connections lately.
    var isAvoided: Bool

    fileprivate func adding(_ part: WorkerReport) -> WorkerReport {
        var total = self
        total.measures += part.measures
        total.isPresent = total.isPresent || part.isPresent
        total.isAvoided = total.isAvoided || part.isAvoided
        return total
    }
}
