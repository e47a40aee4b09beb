public import Logging
public import Metrics

/// What bounds the connections to one server, for each loop that uses it.
public struct PoolSettings: Sendable {
    /// Connections of each loop, at least 1: a server with eight loops has eight times as many.
    public var connectionsPerLoop = 4
    /// Tasks of each loop that may wait for a connection; more are refused with `.poolExhausted`.
    public var waiting = 1000
    /// How long a task waits for a connection before it is refused with `.poolExhausted`.
    public var waitTimeout = Duration.seconds(5)
    /// How long a connection may take to be made, names and TLS included; each address of the server has its share.
    public var connectTimeout = Duration.seconds(3)
    /// How long a query may take until its last row; then the connection is dropped, and the server ends the query.
    public var queryTimeout = Duration.seconds(30)
    /// How long a connection may rest before it is closed.
    public var idleTimeout = Duration.seconds(60)
    /// How old a connection may be when it is lent; servers that were added or replaced get their share so.
    public var lifetime = Duration.seconds(1800)
    /// Bytes that the rows of one result may take in memory, or one row of those that are looked at one by one; more
    /// fails with `.resultTooLarge`. PostgreSQL's library holds the row that is too large first, of 1 GiB at most.
    public var resultLimit = 16 << 20
    /// Statements that each connection keeps prepared, by their text; 0 keeps none.
    public var preparedStatements = 256

    /// What the log and metrics call the database; nil for its kind, such as `postgresql`.
    public var name: String?
    public var logger = Logger(label: "igropyr.database")
    /// Where metrics go; nil: to the factory that `MetricsSystem` was bootstrapped with, if any.
    public var metrics: (any MetricsFactory)?

    public init() {}

    func check() {
        precondition(connectionsPerLoop > 0, "connectionsPerLoop: at least 1")
        precondition(waiting >= 0 && resultLimit >= 0 && preparedStatements >= 0, "limits of a pool are not negative")
    }
}
