public import IgropyrTime

/// One worker's life: started, ready, restarted when it dies, later and later if it goes on dying, ended on request.
///
/// Carry out each ``Action`` that is returned, and call ``handleTimeout(at:)`` at ``deadline`` or later; early calls do
/// nothing. Each `.start` is answered by ``handleExit(_:at:jitter:)``, sooner or later, or by
/// ``handleSpawnFailure(_:at:jitter:)`` at once. Source: Erlang/OTP, "supervisor"; but nobody stands above this one, so
/// a worker that exceeds the intensity is not given up: it goes into quarantine and is tried again after it, unless the
/// cluster has found that the revision is bad (``Quarantine``).
public struct Supervision: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// Start the process on the slot's listening socket.
        case start
        /// Ask it to drain and end: SIGTERM.
        case terminate
        /// It hangs: SIGABRT, which may leave a core.
        case abort
        /// SIGKILL, to the whole process group.
        case kill
    }

    public enum State: Hashable, Sendable {
        case idle
        case starting(since: Timestamp, until: Timestamp)
        /// It is not well and is being ended: at the end of its time it is killed, without one it was. Its exit is
        /// awaited.
        case aborting(since: Timestamp, until: Timestamp?)
        case ready(startedAt: Timestamp, since: Timestamp)
        case backoff(until: Timestamp)
        /// It died more often than ``RestartPolicy/intensity`` allows, or its revision is quarantined everywhere: then
        /// there is no next try.
        case quarantined(until: Timestamp?)
        /// It drains; at the end of its time it is killed.
        case stopping(since: Timestamp, until: Timestamp)
        /// It drained for too long and was killed; its exit is awaited.
        case killing(since: Timestamp)
        /// Will not be started again; its process is gone.
        case ended
    }

    public static let firstDelay: Duration = .milliseconds(100)
    public static let longestDelay: Duration = .seconds(30)
    /// Between SIGABRT and SIGKILL.
    public static let abortTimeout: Duration = .seconds(2)
    /// A time that is looked at so late ran out while this program stood still, as on a host that was suspended.
    public static let lateness: Duration = .milliseconds(500)
    /// How long it is then listened for what the process has said meanwhile.
    public static let hearing: Duration = .seconds(1)

    public private(set) var state: State = .idle
    public let policy: RestartPolicy
    public let startTimeout: Duration
    public let stopTimeout: Duration
    /// The longest time, once it is ready, without ``handleAlive(at:)``; nil: it need not say that it is alive.
    public let watchdog: Duration?
    /// Restarts since the beginning.
    public internal(set) var restarts = 0
    /// It exceeded the intensity, and has not stayed ready for a whole period since.
    public internal(set) var isLooping = false
    /// The cluster has its revision in quarantine.
    private var isHeld = false
    /// The present process has said that it is ready, or the last one had.
    private var hasServed = false
    private var watchdogEnd: Timestamp?
    /// Failures since it last stayed ready for a whole period.
    private var failures = 0
    /// Within the last period; at most ``RestartPolicy/intensity`` and one.
    private(set) var recentRestarts: [Timestamp] = []
    private(set) var reason = ""
    /// What the present process lacks to be ready, for people; empty if that is not known.
    private(set) var lack = ""

    public init(policy: RestartPolicy, startTimeout: Duration, stopTimeout: Duration, watchdog: Duration? = nil) {
        self.policy = policy
        self.startTimeout = startTimeout
        self.stopTimeout = stopTimeout
        self.watchdog = watchdog
    }

    /// When it next needs attention; nil while only a process or an operator can change anything.
    public var deadline: Timestamp? {
        switch state {
        case .starting(_, let until), .backoff(let until), .stopping(_, let until): until
        case .aborting(_, let until), .quarantined(let until): until
        case .ready(_, let since):
            [watchdogEnd, isLooping ? since.advanced(by: period) : nil].compactMap(\.self).min()
        case .idle, .killing, .ended: nil
        }
    }

    /// Whether a process exists, as far as is known here.
    public var hasProcess: Bool {
        switch state {
        case .starting, .aborting, .ready, .stopping, .killing: true
        case .idle, .backoff, .quarantined, .ended: false
        }
    }

    // MARK: - What an operator, or the cluster, wants

    /// Starts it for the first time, unless its revision is in quarantine; later calls do nothing.
    public mutating func handleStart(at now: Timestamp) -> Action? {
        guard state == .idle else { return nil }
        guard !isHeld else {
            state = .quarantined(until: nil)
            return nil
        }
        return start(at: now)
    }

    /// Whether the cluster has the revision in quarantine, which ends the tries; a process that there is stays.
    public mutating func handleVerdict(isQuarantined: Bool, at now: Timestamp) -> Action? {
        guard isHeld != isQuarantined else { return nil }
        isHeld = isQuarantined
        switch state {
        case .backoff, .quarantined(.some):
            if isHeld { state = .quarantined(until: nil) }
            return nil
        case .quarantined(nil): return start(at: now)
        case .idle, .starting, .aborting, .ready, .stopping, .killing, .ended: return nil
        }
    }

    /// It is to end for good. Idempotent.
    public mutating func handleStop(at now: Timestamp) -> Action? {
        switch state {
        case .starting, .ready:
            state = .stopping(since: now, until: now.advanced(by: stopTimeout))
            return .terminate
        case .aborting(let since, let until):
            state = until.map { .stopping(since: since, until: $0) } ?? .killing(since: since)
            return nil
        case .idle, .backoff, .quarantined:
            state = .ended
            return nil
        case .stopping, .killing, .ended: return nil
        }
    }

    // MARK: - What its process does

    /// What it lacks to be ready, for people: its message while it starts, and the reason should its time run out.
    public mutating func handleLack(_ what: String) {
        if case .starting = state { lack = what }
    }

    /// It said `READY=1`. Said again, or too late, it changes nothing.
    public mutating func handleReady(at now: Timestamp) {
        guard case .starting(let since, _) = state else { return }
        state = .ready(startedAt: since, since: now)
        hasServed = true
        watchdogEnd = watchdog.map(now.advanced)
        reason = ""
    }

    /// It said `WATCHDOG=1`.
    public mutating func handleAlive(at now: Timestamp) {
        guard case .ready = state else { return }
        watchdogEnd = watchdog.map(now.advanced)
    }

    /// It is there, but its checks say that it is not well: it is killed, and its exit is that of a worker that served.
    public mutating func handleUnwell(_ why: String, at now: Timestamp) -> Action? {
        guard case .ready(let startedAt, let since) = state else { return nil }
        noteStanding(since: since, at: now)
        state = .aborting(since: startedAt, until: nil)
        reason = "\(why) and was killed"
        return .kill
    }

    /// It will never be what it is started for: it is killed, and counts as one that failed to start.
    public mutating func handleUnfit(_ why: String) -> Action? {
        guard case .starting(let since, _) = state else { return nil }
        state = .aborting(since: since, until: nil)
        reason = why
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
        case .aborting: return restart(isFailure: true, at: now, jitter: jitter)
        case .starting(let since, _):
            reason = "\(status) after \(since.duration(to: now).brief), before it was ready"
        case .ready(let startedAt, let since):
            reason = "\(status) after \(startedAt.duration(to: now).brief)"
            noteStanding(since: since, at: now)
        }
        return restart(isFailure: status.isFailure, at: now, jitter: jitter)
    }

    /// The process could not even be started: no such program, no memory. Counts as a failure.
    public mutating func handleSpawnFailure(_ message: String, at now: Timestamp, jitter: Double) -> Action? {
        guard case .starting = state else { return nil }
        reason = "could not be started: \(message)"
        return restart(isFailure: true, at: now, jitter: jitter)
    }

    public mutating func handleTimeout(at now: Timestamp) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        switch state {
        case .starting(let since, let until):
            guard until.duration(to: now) < Self.lateness else {
                state = .starting(since: since, until: now.advanced(by: Self.hearing))
                return nil
            }
            reason = "was not ready after \(startTimeout.brief) and was killed" + (lack.isEmpty ? "" : ": \(lack)")
            state = .aborting(since: since, until: nil)
            return .kill
        case .ready(let startedAt, let since):
            noteStanding(since: since, at: now)
            return checkWatchdog(startedAt: startedAt, at: now)
        case .aborting(let since, _):
            state = .aborting(since: since, until: nil)
            return .kill
        case .stopping(let since, _):
            state = .killing(since: since)
            return .kill
        case .backoff, .quarantined: return start(at: now)
        case .idle, .killing, .ended: return nil
        }
    }

    // MARK: -

    var period: Duration { .milliseconds(policy.periodMilliseconds) }

    private mutating func start(at now: Timestamp) -> Action {
        state = .starting(since: now, until: now.advanced(by: startTimeout))
        (hasServed, lack) = (false, "")
        return .start
    }

    /// It is forgiven all that was before.
    private mutating func noteStanding(since: Timestamp, at now: Timestamp) {
        guard since.duration(to: now) >= period else { return }
        (isLooping, failures) = (false, 0)
    }

    private mutating func checkWatchdog(startedAt: Timestamp, at now: Timestamp) -> Action? {
        guard let watchdog, let end = watchdogEnd, now >= end else { return nil }
        guard end.duration(to: now) < Self.lateness else {
            watchdogEnd = now.advanced(by: Self.hearing)
            return nil
        }
        reason = "sent no WATCHDOG=1 for \(watchdog.brief) and was killed"
        state = .aborting(since: startedAt, until: now.advanced(by: Self.abortTimeout))
        return .abort
    }

    private mutating func restart(isFailure: Bool, at now: Timestamp, jitter: Double) -> Action? {
        guard mayRestart(afterFailure: isFailure) else {
            state = .ended
            return nil
        }
        let isFirst = hasServed && failures == 0
        let delay = min(Self.longestDelay, Self.firstDelay * (1 << min(failures, 20)))
        failures += 1
        let isTooOften = countRestart(at: now)
        if isHeld {
            state = .quarantined(until: nil)
        } else if isTooOften {
            state = .quarantined(until: now.advanced(by: Self.shortened(Self.longestDelay, by: jitter)))
        } else if isFirst {
            return start(at: now)
        } else {
            state = .backoff(until: now.advanced(by: Self.shortened(delay, by: jitter)))
        }
        return nil
    }

    /// - Returns: Whether it is one more than the intensity allows.
    private mutating func countRestart(at now: Timestamp) -> Bool {
        let period = period
        restarts += 1
        recentRestarts.removeAll { $0.duration(to: now) >= period }
        recentRestarts.append(now)
        guard recentRestarts.count > policy.intensity else { return false }
        recentRestarts.removeFirst()
        isLooping = true
        return true
    }

    private func mayRestart(afterFailure isFailure: Bool) -> Bool {
        switch policy.kind {
        case .permanent: true
        case .transient: isFailure
        case .temporary: false
        }
    }

    private static func shortened(_ delay: Duration, by jitter: Double) -> Duration {
        delay - delay * (min(max(jitter, 0), 1) / 4)
    }
}
