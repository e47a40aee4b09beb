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

    /// Whether it is of a server that only reads, or of a transaction that does.
    var isOfStandby: Bool { sqlState == "25006" }

    public var description: String {
        "\(message) (SQLSTATE \(sqlState))" + [detail, hint].compactMap { $0 }.map { "; \($0)" }.joined()
    }
}
