extension SQLEncodable where Self: BinaryInteger {
    public var sqlValue: SQLValue { Int64(exactly: self).map { .int($0) } ?? .unsigned(UInt64(clamping: self)) }
}

extension Int: SQLElement {}
extension Int64: SQLElement {}
extension Int32: SQLElement {}
extension Int16: SQLElement {}
extension UInt: SQLElement {}
extension UInt64: SQLElement {}
extension UInt32: SQLElement {}
extension UInt16: SQLElement {}

extension Double: SQLElement {
    public var sqlValue: SQLValue { .double(self) }
}

extension Bool: SQLElement {
    public var sqlValue: SQLValue { .bool(self) }

    public init?(sqlBytes: ArraySlice<UInt8>?) {
        switch sqlBytes.map({ String(decoding: $0, as: UTF8.self) }) {
        case "t", "true", "1": self = true
        case "f", "false", "0": self = false
        default: return nil
        }
    }
}
