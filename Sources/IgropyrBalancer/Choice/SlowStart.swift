import IgropyrTime

/// How much of its share a worker gets that has only just come: more and more, so that its caches and connections warm
/// up. A step takes slots from the others to the newcomer, and moves none between them.
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
        guard let arrival = arrivals[id] else { return Self.steps }
        let passed = arrival.duration(to: now) / duration * Double(Self.steps)
        return min(Self.steps, 1 + UInt16(max(0, min(passed, Double(Self.steps)))))
    }

    /// When some step changes next; nil if none does.
    func deadline(after now: Timestamp) -> Timestamp? {
        arrivals.values.compactMap { arrival in
            let passed = arrival.duration(to: now) / duration * Double(Self.steps)
            guard passed < Double(Self.steps) else { return nil }
            return arrival.advanced(by: duration * (passed.rounded(.down) + 1) / Double(Self.steps))
        }.min()
    }
}
