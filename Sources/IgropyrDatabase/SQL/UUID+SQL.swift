public import FoundationEssentials

/// As text, which a column of type `uuid` takes and gives; not the 16 bytes of a `BINARY(16)`.
extension UUID: SQLElement {
    public var sqlValue: SQLValue { .text(uuidString) }

    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let text = String(sqlBytes: sqlBytes) else { return nil }
        self.init(uuidString: text)
    }
}
