internal import IgropyrUV

/// What may go wrong between a task and a database; the same for each kind of server but for what the server itself
/// says.
public enum DatabaseError<ServerError: Error & Equatable>: Error, Equatable, Sendable {
    /// The server refuses the statement; the connection is as good as before.
    case server(ServerError)
    /// No connection could be made: nobody listens, no such database.
    case cannotConnect(String)
    /// The server does not let this client in: no such user, a wrong password, or none where it asks for one.
    case accessDenied(String)
    /// The server has no room for another connection, such as by its `max_connections`, and had none for
    /// ``PoolSettings/waitTimeout``; nor did one that is lent become free.
    case tooManyConnections(String)
    /// The connection broke; whether the statement was carried out is unknown.
    case connectionLost(String)
    /// The query took longer than ``PoolSettings/queryTimeout``. Its connection was dropped.
    case timedOut
    /// All connections are lent, and too many wait, or waited too long.
    case poolExhausted
    /// The task was cancelled. A query that ran was given up with its connection.
    case cancelled
    /// The client was closed, or its loop has ended.
    case closed
    /// The rows take more than ``PoolSettings/resultLimit``, which is told. The connection was dropped.
    case resultTooLarge(limit: Int)
    /// A value that cannot be sent, such as text with NUL.
    case invalidParameter(String)
    /// What this client has no way to do, such as COPY.
    case unsupported(String)
}

extension DatabaseError: CancellationTelling {
    package var isCancellation: Bool { self == .cancelled }
}

extension DatabaseError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .server(let error): "\(error)"
        case .cannotConnect(let reason): "cannot connect to the database: \(reason)"
        case .accessDenied(let reason): "the database does not let this client in: \(reason)"
        case .tooManyConnections(let reason): "the database takes no further connection: \(reason)"
        case .connectionLost(let reason): "lost the connection to the database: \(reason)"
        case .timedOut: "the database did not answer in the time that queryTimeout gives it"
        case .poolExhausted: "no connection to the database became free: connectionsPerLoop are lent"
        case .cancelled: "the task was cancelled"
        case .closed: "the database's client was closed"
        case .resultTooLarge(let limit):
            "the result takes more than \(limit) bytes (resultLimit): ask for less, or row by row"
        case .invalidParameter(let reason): "a value cannot be sent: \(reason)"
        case .unsupported(let what): "\(what) cannot be done by this client"
        }
    }
}
