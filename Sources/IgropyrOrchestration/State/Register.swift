/// An entry of the replicated state of which the last decision wins, whoever made it.
protocol Register: Hashable {
    associatedtype Name: Hashable & CustomStringConvertible

    /// What refusals call one, such as `deployment`, and many.
    static var words: (one: String, many: String) { get }
    /// How many there may be, and how many with the tombstones of removed ones.
    static var limits: (live: Int, all: Int) { get }

    var name: Name { get }
    /// When it was decided; the greater replaces the lesser.
    var timestamp: HybridTimestamp { get }
    /// Kept for ``ReplicatedState/tombstoneMilliseconds``, so that no peer brings back what was removed.
    var isTombstone: Bool { get }

    /// The winner of two entries for one name, whichever comes first.
    func joined(with other: Self) -> Self
    /// - Throws: A refusal if it breaks one of the ``StateLimits``.
    func validate() throws(Refusal)
}

extension Register {
    var subject: String { "\(Self.words.one) \(name)" }

    func hasExpired(at now: UnixTime) -> Bool {
        isTombstone && timestamp.time < now.advanced(byMilliseconds: -ReplicatedState.tombstoneMilliseconds)
    }

    /// New names need room; changes of known ones do not, except for one that comes back from its removal.
    func checkRoom(among present: [Name: Self]) throws(Refusal) {
        let validation = Validation(subject: subject)
        let current = present[name]
        if current == nil {
            try validation.require(
                present.count < Self.limits.all, .tooMany,
                "\(Self.limits.all) \(Self.words.many) are remembered already")
        }
        if !isTombstone, current?.isTombstone ?? true {
            try validation.require(
                present.values.count { !$0.isTombstone } < Self.limits.live, .tooMany,
                "there are \(Self.limits.live) \(Self.words.many) already")
        }
    }

    /// What is to be stored when a peer sends this: the winner, or nil if that is there already.
    func winner(
        among present: [Name: Self], at now: UnixTime, clock: inout HybridClock
    ) throws(Refusal) -> Self? {
        guard !hasExpired(at: now) else { return nil }
        let winner = present[name]?.joined(with: self) ?? self
        guard winner != present[name] else { return nil }
        try validate()
        try checkRoom(among: present)
        do { try clock.observe(timestamp, at: now) } catch {
            throw Refusal(
                code: .tooFarAhead, subject: subject, reason: "its timestamp is more than 24 hours ahead")
        }
        return winner
    }
}

extension Deployment: Register {
    static let words = (one: "deployment", many: "applications")
    static let limits = (live: StateLimits.applications, all: StateLimits.registers)
}

extension Certificate: Register {
    static let words = (one: "certificate", many: "certificates")
    static let limits = (live: StateLimits.certificates, all: StateLimits.certificateRegisters)
}
