internal import IgropyrTime

/// A member of a small cluster that has not answered, or that somebody suspects, is pinged again and again, until it
/// answers or its silence has become too unlikely for a member alive.
///
/// With a share p of pings that stay unanswered on this network anyway, n independent ones do so by chance with
/// likelihood pⁿ. So a member is suspect once pⁿ ≤ 10⁻³, and failed once pⁿ ≤ 10⁻¹² and its silence has lasted for a
/// while. Pings of others count, too, if they say so (nacks).
struct Verification: Sendable {
    let node: String
    /// All pings carry the same number, those of others included: any answer will do.
    let sequence: UInt32
    /// When the first of the pings was sent that were not answered.
    private(set) var start: Timestamp
    private(set) var nextPing: Timestamp
    /// Of pings that may still be answered in time, in their order.
    private var sentAt: [Timestamp] = []
    private var unanswered = 0
    private(set) var nacks = 0
    private(set) var nacksExpected = 0
    /// When others were asked; nil: not yet.
    private(set) var askedAt: Timestamp?
    /// Whether we have told the others.
    var isAccused = false
    /// −log₁₀ of the likelihood that a member alive would have been silent for as long.
    var digits = 0.0
    /// It answered, but has yet to hear that it is suspect, and to deny it; until then it is watched.
    private(set) var hasAnswered = false

    /// `firstPing`: When one was sent that is overdue; nil if the first is yet to be sent.
    init(of node: String, sequence: UInt32, firstPing: Timestamp?, at now: Timestamp) {
        self.node = node
        self.sequence = sequence
        start = firstPing ?? now
        nextPing = now
        if let firstPing { sentAt = [firstPing] }
    }

    /// How many independent attempts found nobody.
    var attempts: Int { unanswered + nacks }

    mutating func expirePings(sentUntil time: Timestamp) {
        let overdue = sentAt.prefix { $0 <= time }.count
        sentAt.removeFirst(overdue)
        unanswered += overdue
    }

    mutating func notePing(at now: Timestamp, next: Duration) {
        if attempts == 0, sentAt.isEmpty { start = now }
        sentAt.append(now)
        nextPing = now.advanced(by: next)
    }

    mutating func delayPing(until time: Timestamp) { nextPing = time }

    mutating func noteAsked(_ count: Int, at now: Timestamp) {
        askedAt = now
        nacksExpected = count
    }

    mutating func noteNack() { nacks = min(nacksExpected, nacks + 1) }

    /// Only silence from now on counts.
    mutating func noteAnswer(at now: Timestamp) {
        hasAnswered = true
        restart(at: now)
    }

    /// What we thought silence was our own deafness: everything is asked anew.
    mutating func restart(at now: Timestamp) {
        start = now
        nextPing = now
        sentAt = []
        unanswered = 0
        nacks = 0
        nacksExpected = 0
        askedAt = nil
        digits = 0
    }

    /// `pingTimeout`, `silence`: After which a ping is overdue, and the least time before a verdict.
    func deadline(pingTimeout: Duration, silence: Duration, at now: Timestamp) -> Timestamp {
        let verdict = start.advanced(by: silence)
        let overdue = sentAt.first?.advanced(by: pingTimeout) ?? .distantFuture
        return min(nextPing, overdue, verdict > now ? verdict : .distantFuture)
    }
}
