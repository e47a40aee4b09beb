public import IgropyrDatabase

public typealias MySQLError = DatabaseError<MySQLServerError>

/// What MariaDB or MySQL says of a statement that it refuses.
public struct MySQLServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Such as 1062 for a key that is there already (MariaDB's manual, "MariaDB Error Codes").
    public let code: Int
    /// Five characters, such as `23000`, which many codes share.
    public let sqlState: String
    public let message: String
    /// Of the statement that was refused, the first 400 characters, without the values of its parameters. For logs, as
    /// all of this: it is not to be told to strangers.
    public internal(set) var statement: String?

    public init(code: Int, sqlState: String, message: String, statement: String? = nil) {
        self.code = code
        self.sqlState = sqlState
        self.message = message
        self.statement = statement
    }

    public var description: String {
        "\(message) (error \(code), SQLSTATE \(sqlState))" + (statement.map { "; in: \($0)" } ?? "")
    }

    /// The same, of this statement.
    func of(_ statement: String) -> Self {
        var error = self
        error.statement = statement.excerpt()
        return error
    }

    /// The same, said before anything was asked.
    var connectFailure: MySQLError {
        // 1044: not this database; 1130: not this host; the others: the account is locked, or its password too old.
        let isDenial = sqlState.hasPrefix("28") || [1044, 1130, 1820, 1862, 3118, 4151].contains(code)
        // 1040: `max_connections`; 1203 and 1226: those of one user.
        if [1040, 1203, 1226].contains(code) { return .tooManyConnections(message) }
        return isDenial ? .accessDenied(message) : .cannotConnect(message)
    }

    /// Whether the server has ended the session with it: it shuts down, was told to by `KILL`, or got bored.
    var isFatal: Bool { sqlState.hasPrefix("08") || [1927, 4031].contains(code) }

    /// Whether the statement was not run, and is to be prepared anew: tables changed all the while, or it was
    /// forgotten.
    var isOfStatement: Bool { [1243, 1615].contains(code) }

    /// Whether it is of a server that only reads (`--read-only` and its kin).
    var isOfReplica: Bool { [1290, 1836].contains(code) }

    /// Whether the whole transaction was rolled back with it, such as the one that a deadlock was broken by.
    var isRollback: Bool { sqlState.hasPrefix("40") }
}
