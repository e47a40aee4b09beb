/// What a column's value may be read as.
public protocol SQLDecodable {
    /// Nil if the bytes, the value as text or a binary one's own, are no such value; they are nil for NULL.
    init?(sqlBytes: ArraySlice<UInt8>?)
}

extension SQLDecodable where Self: LosslessStringConvertible {
    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let sqlBytes, let text = String(validating: sqlBytes, as: UTF8.self) else { return nil }
        self.init(text)
    }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let sqlBytes else {
            self = .none
            return
        }
        guard let value = Wrapped(sqlBytes: sqlBytes) else { return nil }
        self = value
    }
}

extension SQLDecodable where Self: RawRepresentable, RawValue: SQLDecodable {
    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let value = RawValue(sqlBytes: sqlBytes) else { return nil }
        self.init(rawValue: value)
    }
}
