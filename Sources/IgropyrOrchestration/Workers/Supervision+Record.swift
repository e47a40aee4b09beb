public import IgropyrTime

extension Supervision {
    /// For the host's record.
    public var recordState: WorkerRecord.State {
        switch state {
        case .idle, .starting, .aborting: .starting
        case .ready: .ready
        case .backoff, .quarantined(.some): .backoff
        case .stopping, .killing: .draining
        case .quarantined(nil), .ended: .failed
        }
    }

    /// No further try is made, or not soon.
    public var isGivenUp: Bool {
        switch state {
        case .quarantined, .ended: true
        case .idle, .starting, .aborting, .ready, .backoff, .stopping, .killing: false
        }
    }

    /// For how long the first start counts as one.
    static let longestStart: Duration = .seconds(5)

    /// It is starting for the first time, and not for long.
    public func isStartingAnew(at now: Timestamp) -> Bool {
        guard case .starting(let since, _) = state, restarts == 0 else { return false }
        return since.duration(to: now) < Self.longestStart
    }

    /// When the next try is made; nil while none is waited for.
    public var nextTry: Timestamp? {
        switch state {
        case .backoff(let until), .quarantined(let until?): until
        case .idle, .starting, .aborting, .ready, .stopping, .killing, .quarantined(nil), .ended: nil
        }
    }

    /// For people: ``cause(at:)``, and `; next try in 3.2 s`, which is so at this moment only.
    public func message(at now: Timestamp) -> String {
        [cause(at: now), nextTry.map { "next try in \(now.duration(to: $0).brief)" } ?? ""]
            .filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// For people: `exited with 1 after 12 ms; 5 restarts in 10 s`. Empty when all is well.
    public func cause(at now: Timestamp) -> String {
        var parts = reason.isEmpty ? [] : [reason]
        let recent = recentRestarts.count { $0.duration(to: now) < period }
        switch state {
        case .backoff, .quarantined(.some): if recent > 1 { parts.append("\(recent) restarts in \(period.brief)") }
        case .quarantined(nil): parts.append("its revision is quarantined")
        case .starting: if !lack.isEmpty { parts.append(lack) }
        case .idle, .aborting, .ready, .stopping, .killing, .ended: break
        }
        return parts.joined(separator: "; ")
    }
}

extension Supervision {
    /// What is kept of a process that outlives its agent, for the next one.
    public struct Memory: Hashable, Sendable, Codable {
        public var restarts: Int
        public var isReady: Bool
        public var isLooping: Bool

        public init(restarts: Int = 0, isReady: Bool, isLooping: Bool = false) {
            self.restarts = restarts
            self.isReady = isReady
            self.isLooping = isLooping
        }
    }

    public var memory: Memory {
        Memory(restarts: restarts, isReady: recordState == .ready, isLooping: isLooping)
    }

    /// Goes on with a process that runs already, as one that was ready now, or is being started now.
    public mutating func handleAdoption(_ memory: Memory, at now: Timestamp) {
        guard handleStart(at: now) != nil else { return }
        (restarts, isLooping) = (memory.restarts, memory.isLooping)
        if memory.isReady { handleReady(at: now) }
    }
}
