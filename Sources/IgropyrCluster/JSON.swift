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

    /// Why something could not be read, in one line, for people.
    static func cause(of error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        let context: DecodingError.Context
        var missing: [String] = []
        switch error {
        case .keyNotFound(let key, let place): (context, missing) = (place, [key.stringValue])
        case .typeMismatch(_, let place), .valueNotFound(_, let place), .dataCorrupted(let place): context = place
        @unknown default: return "it is no JSON of this kind"
        }
        let path = (context.codingPath.map(\.stringValue) + missing).joined(separator: ".")
        return path.isEmpty ? "it is no JSON of this kind" : "\(path) is missing or of the wrong kind"
    }
}
