/// What commands leave behind at the server, for the next borrower of a connection to stumble over.
struct RedisSession {
    /// These are answered once for each channel, with what nobody asked for, or not at all.
    private static let streaming: Set<String> = [
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
    ]
    private static let refused: Set<String> = ["MONITOR", "SYNC", "PSYNC", "HELLO", "CLIENT REPLY", "SCRIPT DEBUG"]
    private static let changing: Set<String> = [
        "SELECT", "AUTH", "RESET", "READONLY", "READWRITE", "ASKING", "QUIT", "CLIENT SETNAME", "CLIENT SETINFO",
        "CLIENT TRACKING", "CLIENT CACHING", "CLIENT NO-EVICT", "CLIENT NO-TOUCH",
    ]

    private var isChanged = false
    private var isWatching = false
    private var isQueueing = false

    /// Whether the server treats the connection as a new one.
    var isClean: Bool { !isChanged && !isWatching && !isQueueing }

    /// Why a command would put answers and questions out of step; nil if it does not.
    static func refusal(of command: RedisCommand) -> String? {
        let name = command.name
        if streaming.contains(name) { return "\(name) as a command (see Redis.subscribe)" }
        return refused.contains(name) ? name : nil
    }

    /// A server that has become a replica takes no changes any more: another one may do so now.
    mutating func note(_ answer: RedisValue) {
        if case .error(let error) = answer, error.code == "READONLY" { isChanged = true }
    }

    mutating func note(_ command: RedisCommand) {
        switch command.name {
        case "MULTI": isQueueing = true
        case "WATCH": isWatching = true
        case "UNWATCH": isWatching = false
        case "EXEC", "DISCARD": (isQueueing, isWatching) = (false, false)
        case let name: isChanged = isChanged || Self.changing.contains(name)
        }
    }
}
