public import IgropyrTime

/// Whether one new worker is found good: ready in time, and ready for long enough without a restart.
///
/// Call ``handle(_:limits:at:)`` after each change of the worker and at ``deadline(_:)`` or later.
public struct HealthGate: Hashable, Sendable {
    public enum Verdict: String, Hashable, Sendable, Codable {
        case pending
        /// It has been ready for the time asked for. A later crash does not take this back: supervision mends that.
        case available
        /// It was not ready in time, did not stay so, or was given up.
        case failed
    }

    public struct Limits: Hashable, Sendable {
        public var readyWithin: Duration
        public var healthyFor: Duration

        public init(readyWithin: Duration, healthyFor: Duration) {
            self.readyWithin = readyWithin
            self.healthyFor = healthyFor
        }
    }

    public private(set) var verdict = Verdict.pending
    private let start: Timestamp
    private var readySince: Timestamp?
    private var restarts = 0

    public init(at start: Timestamp) { self.start = start }

    public mutating func handle(_ worker: LocalWorker, limits: Limits, at now: Timestamp) {
        if worker.state != .ready || worker.restarts != restarts { readySince = nil }
        restarts = worker.restarts
        if worker.state == .ready, readySince == nil { readySince = now }
        if worker.isGivenUp {
            verdict = .failed
        } else if let readySince, readySince.duration(to: now) >= limits.healthyFor {
            verdict = .available
        } else if verdict == .pending, now >= lastMoment(limits) {
            verdict = .failed
        }
    }

    /// When the verdict may change although the worker does not.
    public func deadline(_ limits: Limits) -> Timestamp? {
        switch verdict {
        case .available: nil
        case .failed: readySince?.advanced(by: limits.healthyFor)
        case .pending: [readySince?.advanced(by: limits.healthyFor), lastMoment(limits)].compactMap(\.self).min()
        }
    }

    /// One that is ready now has begun in time, and gets the time to prove it; but no more, however often it starts
    /// anew.
    private func lastMoment(_ limits: Limits) -> Timestamp {
        start.advanced(by: limits.readyWithin).advanced(by: readySince == nil ? .zero : limits.healthyFor)
    }
}
