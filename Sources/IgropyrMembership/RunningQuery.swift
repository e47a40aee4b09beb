/// What comes back to a query of ours, as it comes.
public enum QueryReply: Sendable {
    /// The member received it.
    case ack(by: String)
    case answer(by: String, payload: [UInt8])
}

/// A query of ours under way. Whoever stops reading the replies ends it.
public struct RunningQuery: Sendable {
    /// Who should answer: the members that are alive and match, as far as we know them; by name.
    public let asked: [String]
    /// At most one of each kind by each member; ends with the query's time-out, or when the member shuts down.
    public let replies: AsyncStream<QueryReply>
}

/// What came of a query.
public struct QueryResult: Sendable {
    /// Who received it.
    public internal(set) var acks: Set<String> = []
    /// By member.
    public internal(set) var answers: [String: [UInt8]] = [:]
}
