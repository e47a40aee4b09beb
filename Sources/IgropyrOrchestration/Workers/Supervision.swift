public import IgropyrTime

/// One worker's life: started, ready, restarted when it dies, later and later if it goes on dying, ended on request.
///
/// Carry out each ``Action`` that is returned, and call ``handleTimeout(at:)`` at ``deadline`` or later; early calls do
/// nothing. Each `.start` is answered by ``handleExit(_:at:jitter:)``, sooner or later, or by
/// ``handleSpawnFailure(_:at:jitter:)`` at once. Source: Erlang/OTP, "supervisor"; but nobody stands above this one, so a
/// worker that exceeds the intensity is not given up: it goes into quarantine and is tried again after it.
public struct Supervision: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// Start the process on the slot's listening socket.
        case start
        /// Ask it to drain and end: SIGTERM.
        case terminate
        /// SIGKILL, to the whole process group.
        case kill
    }

    public enum State: Hashable, Sendable {
        case idle
        case starting(since: Timestamp, until: Timestamp)
        /// It took too long to start, or was not well any more, and was killed; its exit is awaited.
        case aborting(since: Timestamp)
        case ready(startedAt: Timestamp, since: Timestamp)
        case backoff(until: Timestamp)
        /// It died more often than ``RestartPolicy/intensity`` allows.
        case quarantined(until: Timestamp)
        /// It drains; at the end of its time it is killed.
        case stopping(since: Timestamp, until: Timestamp)
        /// It drained for too long and was killed; its exit is awaited.
        case killing(since: Timestamp)
        /// Will not be started again; its process is gone.
        case ended
    }

    public static let firstDelay: Duration = .milliseconds(100)
    public static let longestDelay: Duration = .seconds(30)

    public private(set) var state: State = .idle
    public let policy: RestartPolicy
    public let startTimeout: Duration
    public let stopTimeout: Duration
    /// Restarts since the beginning.
    public private(set) var restarts = 0
    /// Failures since it last stayed ready for a whole period.
    private var failures = 0
    /// Within the last period; at most ``RestartPolicy/intensity`` and one.
    private var recentRestarts: [Timestamp] = []
    private var reason = ""

    public init(policy: RestartPolicy, startTimeout: Duration, stopTimeout: Duration) {
        self.policy = policy
        self.startTimeout = startTimeout
        self.stopTimeout = stopTimeout
    }

    /// When it next needs attention; nil while only a process or an operator can change anything.
    public var deadline: Timestamp? {
        switch state {
        case .starting(_, let until), .backoff(let until), .quarantined(let until), .stopping(_, let until): until
        case .idle, .aborting, .ready, .killing, .ended: nil
        }
    }

    /// Whether a process exists, as far as is known here.
    public var hasProcess: Bool {
        switch state {
        case .starting, .aborting, .ready, .stopping, .killing: true
        case .idle, .backoff, .quarantined, .ended: false
        }
    }

    /// Starts it for the first time; later calls do nothing.
    public mutating func handleStart(at now: Timestamp) -> Action? {
        guard state == .idle else { return nil }
        return start(at: now)
    }

    /// It said `READY=1`. Said again, or too late, it changes nothing.
    public mutating func handleReady(at now: Timestamp) {
        guard case .starting(let since, _) = state else { return }
        state = .ready(startedAt: since, since: now)
        reason = ""
    }

    /// It is there, but its checks say that it is not well: it is killed, and its exit is that of a worker that served.
    public mutating func handleUnwell(_ why: String, at now: Timestamp) -> Action? {
        guard case .ready(let startedAt, _) = state else { return nil }
        state = .aborting(since: startedAt)
        reason = "\(why) and was killed"
        return .kill
    }

    /// The process has ended. `jitter` is from 0 up to 1, at random: it shortens a delay by up to a quarter, so that
    /// workers that died together do not start together.
    public mutating func handleExit(_ status: WorkerExit, at now: Timestamp, jitter: Double) -> Action? {
        switch state {
        case .idle, .backoff, .quarantined, .ended: return nil
        case .stopping, .killing:
            state = .ended
            reason = "\(status) when asked to stop"
            return nil
        case .aborting(let since):
            return restart(after: status, ranFor: since.duration(to: now), readyFor: nil, at: now, jitter: jitter)
        case .starting(let since, _):
            let age = since.duration(to: now)
            reason = "\(status) after \(age.brief), before it was ready"
            return restart(after: status, ranFor: age, readyFor: nil, at: now, jitter: jitter)
        case .ready(let startedAt, let since):
            let age = startedAt.duration(to: now)
            reason = "\(status) after \(age.brief)"
            return restart(after: status, ranFor: age, readyFor: since.duration(to: now), at: now, jitter: jitter)
        }
    }

    /// The process could not even be started: no such program, no memory. Counts as a failure.
    public mutating func handleSpawnFailure(_ message: String, at now: Timestamp, jitter: Double) -> Action? {
        guard case .starting = state else { return nil }
        reason = "could not be started: \(message)"
        return restart(after: .code(127), ranFor: .zero, readyFor: nil, at: now, jitter: jitter)
    }

    /// It is to end for good. Idempotent.
    public mutating func handleStop(at now: Timestamp) -> Action? {
        switch state {
        case .starting, .ready:
            state = .stopping(since: now, until: now.advanced(by: stopTimeout))
            return .terminate
        case .aborting(let since):
            state = .killing(since: since)
            return nil
        case .idle, .backoff, .quarantined:
            state = .ended
            return nil
        case .stopping, .killing, .ended: return nil
        }
    }

    public mutating func handleTimeout(at now: Timestamp) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        switch state {
        case .starting(let since, _):
            state = .aborting(since: since)
            reason = "was not ready after \(startTimeout.brief) and was killed"
            return .kill
        case .stopping(let since, _):
            state = .killing(since: since)
            return .kill
        case .backoff, .quarantined: return start(at: now)
        case .idle, .aborting, .ready, .killing, .ended: return nil
        }
    }

    private mutating func start(at now: Timestamp) -> Action {
        state = .starting(since: now, until: now.advanced(by: startTimeout))
        return .start
    }

    private mutating func restart(
        after status: WorkerExit, ranFor age: Duration, readyFor: Duration?, at now: Timestamp, jitter: Double
    ) -> Action? {
        guard mayRestart(after: status) else {
            state = .ended
            return nil
        }
        let period = Duration.milliseconds(policy.periodMilliseconds)
        if let readyFor, readyFor >= period { failures = 0 }
        let isFirst = readyFor != nil && failures == 0
        let delay = delay(jitter: jitter)
        failures += 1
        restarts += 1
        recentRestarts.removeAll { $0.duration(to: now) >= period }
        recentRestarts.append(now)
        if recentRestarts.count > policy.intensity {
            recentRestarts.removeFirst()
            state = .quarantined(until: now.advanced(by: Self.shortened(Self.longestDelay, by: jitter)))
            return nil
        }
        if isFirst { return start(at: now) }
        state = .backoff(until: now.advanced(by: delay))
        return nil
    }

    private func mayRestart(after status: WorkerExit) -> Bool {
        switch policy.kind {
        case .permanent: true
        case .transient: status.isFailure || state.isAborting
        case .temporary: false
        }
    }

    private func delay(jitter: Double) -> Duration {
        let full = min(Self.longestDelay, Self.firstDelay * (1 << min(failures, 20)))
        return Self.shortened(full, by: jitter)
    }

    private static func shortened(_ delay: Duration, by jitter: Double) -> Duration {
        delay - delay * (min(max(jitter, 0), 1) / 4)
    }
}

extension Supervision.State {
    fileprivate var isAborting: Bool {
        if case .aborting = self { true } else { false }
    }
}

extension Supervision {
    /// For the host's record.
    public var recordState: WorkerRecord.State {
        switch state {
        case .idle, .starting, .aborting: .starting
        case .ready: .ready
        case .backoff, .quarantined: .backoff
        case .stopping, .killing: .draining
        case .ended: .failed
        }
    }

    /// For people: `exited with 1 after 12 ms; 5 restarts in 10 s; next try in 3.2 s`. Empty when all is well.
    public func message(at now: Timestamp) -> String {
        var parts = reason.isEmpty ? [] : [reason]
        let period = Duration.milliseconds(policy.periodMilliseconds)
        let recent = recentRestarts.count { $0.duration(to: now) < period }
        switch state {
        case .backoff(let until), .quarantined(let until):
            if recent > 1 { parts.append("\(recent) restarts in \(period.brief)") }
            parts.append("next try in \(now.duration(to: until).brief)")
        case .idle, .starting, .aborting, .ready, .stopping, .killing, .ended: break
        }
        return parts.joined(separator: "; ")
    }
}
