import IgropyrTime

/// How much of its share a worker gets that has only just come: more and more, so that its caches and connections warm
/// up. A step takes slots from the others to the newcomer, and moves none between them. One that is well again gets its
/// requests back by the same steps, from those that had them meanwhile (``Application/hasShare(_:inKeyOf:)``).
struct SlowStart {
    /// A worker's whole share, for one of weight 1.
    static let steps: UInt16 = 4

    /// From the first step to the whole share.
    let duration: Duration
    /// Nil before the first note: those that are there from the beginning are no newcomers.
    private var known: Set<String>?
    private var arrivals: [String: Timestamp] = [:]

    init(duration: Duration) { self.duration = duration }

    /// These are all the workers there are, by the ids that they keep through restarts: a restart is no arrival.
    mutating func note(_ ids: Set<String>, at now: Timestamp) {
        arrivals = arrivals.filter { ids.contains($0.key) && $0.value.duration(to: now) < duration }
        if let known, duration > .zero {
            for id in ids.subtracting(known) { arrivals[id] = now }
        }
        known = ids
    }

    /// From 1 to ``steps``.
    func step(of id: String, at now: Timestamp) -> UInt16 {
        arrivals[id].map { Self.step(since: $0, of: duration, at: now) } ?? Self.steps
    }

    /// The same for one that came, or became well again, at that time.
    static func step(since arrival: Timestamp, of duration: Duration, at now: Timestamp) -> UInt16 {
        guard duration > .zero else { return steps }
        let passed = arrival.duration(to: now) / duration * Double(steps)
        return min(steps, 1 + UInt16(max(0, min(passed, Double(steps)))))
    }

    /// When some step changes next; nil if none does.
    func deadline(after now: Timestamp) -> Timestamp? {
        arrivals.values.compactMap { Self.nextStep(since: $0, of: duration, at: now) }.min()
    }

    /// When the step of one that came, or became well again, at that time changes next; nil if it does not.
    static func nextStep(since arrival: Timestamp, of duration: Duration, at now: Timestamp) -> Timestamp? {
        guard duration > .zero else { return nil }
        let passed = arrival.duration(to: now) / duration * Double(steps)
        guard passed < Double(steps) else { return nil }
        return arrival.advanced(by: duration * (passed.rounded(.down) + 1) / Double(steps))
    }
}
