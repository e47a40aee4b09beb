internal import FoundationEssentials

/// What nodes write, on one line and in one order of keys.
enum JSON {
    static func encode(_ value: some Encodable) throws(ControlError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return Array(try encoder.encode(value)) } catch { throw ControlError(.local, "\(error)") }
    }

    /// Empty, and so a mere sign of life, for what cannot be written, such as a number that is none.
    static func line(_ value: some Encodable) -> [UInt8] { (try? encode(value)) ?? [] }

    /// - Throws: `DecodingError`.
    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Collection<UInt8>) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
