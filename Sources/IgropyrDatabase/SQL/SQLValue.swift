public import FoundationEssentials

/// A value as it goes to a database, beside the statement and never within it.
public enum SQLValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    /// For what ``int(_:)`` cannot hold.
    case unsigned(UInt64)
    case double(Double)
    case decimal(Decimal)
    case text(String)
    case bytes([UInt8])
    /// A moment.
    case date(Date)
    /// PostgreSQL's alone.
    case array([SQLValue])
}

/// What may stand in a ``SQLQuery`` as a parameter.
public protocol SQLEncodable {
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLEncodable {
    public var sqlValue: SQLValue { self }
}

/// NULL for nil.
extension Optional: SQLEncodable where Wrapped: SQLEncodable {
    public var sqlValue: SQLValue { self?.sqlValue ?? .null }
}

extension SQLEncodable where Self: RawRepresentable, RawValue: SQLEncodable {
    public var sqlValue: SQLValue { rawValue.sqlValue }
}

extension Substring: SQLEncodable {
    public var sqlValue: SQLValue { .text(String(self)) }
}
