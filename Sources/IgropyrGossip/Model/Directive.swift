public import IgropyrTime

/// What the core wants done, in order.
public enum Directive: Sendable {
    /// Send a datagram, from the bound socket.
    case send([UInt8], to: MemberAddress)
    /// Open a TCP connection, write, read one message with a ``StreamReader``, hand it to
    /// ``Gossip/handleReply(_:to:at:)``.
    case openStream(StreamRequest)
    /// Close a connection that stayed open; ``Gossip/handleLinkClosed(_:at:)`` is not called for it.
    case closeLink(StreamID)
    case member(MemberEvent)
    case userEvent(UserEvent)
    /// Only without Serf.
    case userMessage([UInt8])
    /// Another member's, of an exchange of whole states; `isJoin`: it was ours, to join. Only without Serf.
    case userState([UInt8], isJoin: Bool)
    /// Somebody asks; ``Gossip/respond(to:with:at:)`` answers.
    case query(Query)
    case queryAcked(Query.ID, by: String)
    case queryAnswered(Query.ID, by: String, payload: [UInt8])
    case queryFinished(Query.ID)
    /// The member at this address took us in.
    case didJoin(MemberAddress)
    case joinFailed(MemberAddress, StreamFailure)
    /// Somebody at another address uses this name, which may be ours.
    case nameConflict(name: String, address: MemberAddress)
    /// Most members know our name as somebody else's, at this address: stop at once, without leaving.
    case nameLost(to: MemberAddress)
    /// The keys changed on the cluster's behalf; the first is the one in use.
    case keysChanged([[UInt8]])
    /// Everybody was told; stop now.
    case leaveCompleted
}

public struct StreamID: Hashable, Sendable {
    let number: UInt64

    /// In which it was given out.
    package var order: UInt64 { number }
}

public struct StreamRequest: Sendable {
    public let id: StreamID
    public let address: MemberAddress
    public let bytes: [UInt8]
    /// When to give up: report ``StreamFailure/timedOut``.
    public let deadline: Timestamp
    /// After the reply the connection is a link: keep it, and report its end to ``Gossip/handleLinkClosed(_:at:)``.
    public let staysOpen: Bool
}

/// Why an exchange that we began came to nothing.
public enum StreamFailure: Error, Hashable, Sendable {
    /// No connection; the text is the system's.
    case unreachable(String)
    /// The host is there, and nobody listens at the port.
    case connectionRefused
    case timedOut
    /// Closed before a reply: too busy, or it took our message for broken.
    case closedWithoutReply
    /// It said why it did not understand us. Most often the keys differ.
    case refused(String)
    /// The reply makes no sense to us; ``isKeyMismatch`` when the keys are to blame.
    case unreadable(WireError)
    /// It knows members of incompatible versions.
    case incompatibleVersions
    case unexpectedReply

    /// Whether both sides most likely hold different keys, or only one holds any.
    public var isKeyMismatch: Bool {
        switch self {
        case .refused, .unreadable(.undecryptable), .unreadable(.notEncrypted), .unreadable(.unexpectedEncryption): true
        case .unreachable, .connectionRefused, .timedOut, .closedWithoutReply, .unreadable, .incompatibleVersions,
            .unexpectedReply:
            false
        }
    }
}

/// A small message to everybody; delivered at most once to each, in no order.
public struct UserEvent: Hashable, Sendable {
    public let name: String
    public let payload: [UInt8]
    /// On the events' Lamport clock.
    public let time: UInt64
    /// Whether only the last of several with this name matters.
    public let canCoalesce: Bool
}

/// A question from a member.
public struct Query: Hashable, Sendable {
    public struct ID: Hashable, Sendable {
        let time: UInt64
        let number: UInt32
    }

    public let id: ID
    public let name: String
    public let payload: [UInt8]
    public let source: String
    public let deadline: Timestamp
}
