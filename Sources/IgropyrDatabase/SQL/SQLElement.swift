/// A value of which arrays are values, too: PostgreSQL has such, of one dimension here; MariaDB and MySQL have none.
public protocol SQLElement: SQLEncodable, SQLDecodable {
    static func sqlValue(of elements: [Self]) -> SQLValue
    /// Nil if the bytes are no such array.
    static func elements(sqlBytes: ArraySlice<UInt8>) -> [Self]?
}

extension SQLElement {
    public static func sqlValue(of elements: [Self]) -> SQLValue { .array(elements.map(\.sqlValue)) }

    public static func elements(sqlBytes: ArraySlice<UInt8>) -> [Self]? {
        guard let texts = SQLArrayText.elements(of: sqlBytes) else { return nil }
        var elements: [Self] = []
        for text in texts {
            guard let element = Self(sqlBytes: text.map { $0[...] }) else { return nil }
            elements.append(element)
        }
        return elements
    }
}

extension Array: SQLEncodable where Element: SQLElement {
    public var sqlValue: SQLValue { Element.sqlValue(of: self) }
}

extension Array: SQLDecodable where Element: SQLElement {
    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let sqlBytes, let elements = Element.elements(sqlBytes: sqlBytes) else { return nil }
        self = elements
    }
}

/// `[UInt8]` is no array to a database, but a string of bytes.
extension UInt8: SQLElement {
    public var sqlValue: SQLValue { .int(Int64(self)) }
    public static func sqlValue(of elements: [UInt8]) -> SQLValue { .bytes(elements) }
    public static func elements(sqlBytes: ArraySlice<UInt8>) -> [UInt8]? { Array(sqlBytes) }
}

extension Optional: SQLElement where Wrapped: SQLElement {}
