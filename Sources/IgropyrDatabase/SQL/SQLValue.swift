/// A value as it goes to a database, beside the statement and never within it.
public enum SQLValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    /// For what ``int(_:)`` cannot hold.
    case unsigned(UInt64)
    case double(Double)
    case text(String)
    case bytes([UInt8])
}

/// What may stand in a ``SQLQuery`` as a parameter.
public protocol SQLEncodable {
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLEncodable {
    public var sqlValue: SQLValue { self }
}

extension Bool: SQLEncodable {
    public var sqlValue: SQLValue { .bool(self) }
}

extension Int: SQLEncodable {
    public var sqlValue: SQLValue { .int(Int64(self)) }
}

extension Int64: SQLEncodable {
    public var sqlValue: SQLValue { .int(self) }
}

extension Int32: SQLEncodable {
    public var sqlValue: SQLValue { .int(Int64(self)) }
}

extension Int16: SQLEncodable {
    public var sqlValue: SQLValue { .int(Int64(self)) }
}

extension UInt64: SQLEncodable {
    public var sqlValue: SQLValue { Int64(exactly: self).map { .int($0) } ?? .unsigned(self) }
}

extension Double: SQLEncodable {
    public var sqlValue: SQLValue { .double(self) }
}

extension String: SQLEncodable {
    public var sqlValue: SQLValue { .text(self) }
}

extension Substring: SQLEncodable {
    public var sqlValue: SQLValue { .text(String(self)) }
}

extension [UInt8]: SQLEncodable {
    public var sqlValue: SQLValue { .bytes(self) }
}

extension SQLEncodable where Self: RawRepresentable, RawValue: SQLEncodable {
    public var sqlValue: SQLValue { rawValue.sqlValue }
}
