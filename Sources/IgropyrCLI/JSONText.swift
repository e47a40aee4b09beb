import Foundation
import IgropyrText

enum JSONText {
    static func of(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return escaped(try encoder.encode(value))
    }

    /// In one line, for streams.
    static func line(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // What came as JSON can be written as JSON.
        return (try? encoder.encode(value)).map(escaped) ?? "{}"
    }

    /// The encoder escapes C0 only; some terminals obey the others, too. All of them stand within strings.
    private static func escaped(_ json: Data) -> String {
        let text = String(decoding: json, as: UTF8.self)
        guard text.unicodeScalars.contains(where: { $0.isControl && $0.value >= 0x7F }) else { return text }
        return text.unicodeScalars.reduce(into: "") { escaped, next in
            let mustGo = next.isControl && next.value >= 0x7F
            escaped += mustGo ? "\\u00" + String(next.value, radix: 16) : String(next)
        }
    }
}
