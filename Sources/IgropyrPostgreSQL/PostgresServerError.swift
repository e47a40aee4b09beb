internal import CPostgreSQL
public import IgropyrDatabase

public typealias PostgresError = DatabaseError<PostgresServerError>

/// What PostgreSQL says of a statement that it refuses.
public struct PostgresServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Five characters, such as `23505` for a key that is there already (PostgreSQL's manual, appendix A).
    public let sqlState: String
    public let message: String
    public let detail: String?
    public let hint: String?
    /// The constraint that would have been broken.
    public let constraint: String?
    /// The character of the statement that it is about, from 1.
    public let position: Int?
    /// Of the statement that was refused, its beginning or what stands around ``position``: 400 characters at most,
    /// without the values of its parameters. For logs, as all of this: it is not to be told to strangers.
    public internal(set) var statement: String?

    /// Whether it is of a server that only reads, or of a transaction that does.
    var isOfStandby: Bool { sqlState == "25006" }

    /// The same, of this statement.
    func of(_ statement: String) -> Self {
        var error = self
        error.statement = statement.excerpt(around: position)
        return error
    }

    private var place: String? {
        statement.map { (position.map { "at character \($0) of" } ?? "in") + ": \($0)" }
    }

    public var description: String {
        "\(message) (SQLSTATE \(sqlState))"
            + [detail, hint, place].compactMap { $0 }.map { "; \($0)" }.joined()
    }
}
