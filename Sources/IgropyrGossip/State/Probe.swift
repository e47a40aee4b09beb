internal import IgropyrTime

/// One round of the failure detector: a ping is out; next, others and a TCP connection are tried; then the node is
/// suspect.
struct Probe: Sendable {
    enum Stage {
        case direct(until: Timestamp)
        case indirect
    }

    let node: String
    let sequence: UInt32
    let start: Timestamp
    var stage: Stage
    /// When the round has failed.
    let end: Timestamp
    var nacksExpected = 0
    var nacksReceived = 0

    var deadline: Timestamp {
        switch stage {
        case .direct(let until): min(until, end)
        case .indirect: end
        }
    }

    /// What failure does to our health score: nothing if those who answered confirm it.
    var failurePenalty: Int { nacksExpected > 0 ? max(0, nacksExpected - nacksReceived) : 1 }
}

/// A ping that we sent for another member.
struct ForwardedPing: Sendable {
    let requester: MemberAddress
    let requesterSequence: UInt32
    var wantsNack: Bool
    /// When to say that no answer came; one that comes later is passed on until `end`.
    let nackTime: Timestamp
    let end: Timestamp

    var deadline: Timestamp { wantsNack ? nackTime : end }
}

/// What a TCP exchange of ours is for.
enum StreamPurpose: Sendable {
    case join(MemberAddress)
    case synchronize
    /// Nothing comes back.
    case userMessage
    case reconnect
    case ping(sequence: UInt32)
    /// To stay open; see ``Link``.
    case link(sequence: UInt32)
    /// Is it still there, now that its link has ended?
    case linkCheck(String, MemberAddress, attempt: Int)
}

/// The steps of leaving; each waits until its message was sent often enough, or for the deadline.
enum Departure: Sendable {
    case none
    case announcing(BroadcastQueue.ID, until: Timestamp)
    case sayingGoodbye(BroadcastQueue.ID, until: Timestamp)
    /// Still answering, while the news spreads.
    case lingering(until: Timestamp)
    case departed

    var isUnderway: Bool { if case .none = self { false } else { true } }

    var deadline: Timestamp? {
        switch self {
        case .announcing(_, let until), .sayingGoodbye(_, let until), .lingering(let until): until
        case .none, .departed: nil
        }
    }
}
