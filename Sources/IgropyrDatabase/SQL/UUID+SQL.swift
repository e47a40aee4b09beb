public import FoundationEssentials

/// As text, which a column of type `uuid` takes and gives; not the 16 bytes of a `BINARY(16)`.
extension UUID: SQLEncodable {
    public var sqlValue: SQLValue { .text(uuidString) }
}

extension UUID: SQLDecodable {
    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let text = String(sqlBytes: sqlBytes) else { return nil }
        self.init(uuidString: text)
    }
}
