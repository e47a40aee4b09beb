/// A field's value with parameters: `form-data; name="a"; filename="b.txt"` (RFC 9110 §5.6.6).
public struct FieldParameters: Sendable, Hashable {
    /// What stands before the first semicolon, in lower case.
    public let value: String
    /// In their order, names in lower case, values without quotation marks.
    private let parameters: [(name: String, value: String)]

    /// Nil for what is not of that form, or has more than 32 parameters.
    ///
    /// In quotation marks, a backslash escapes a quotation mark or a backslash and is itself before all else: some
    /// browsers send paths of Windows.
    public init?(_ field: String) {
        let bytes = Array(field.utf8)
        var reader = Reader(bytes: bytes)
        let value = reader.token { $0 == UInt8(ascii: ";") }
        guard !value.isEmpty else { return nil }
        var parameters: [(name: String, value: String)] = []
        while reader.skip(UInt8(ascii: ";")) {
            reader.skipSpaces()
            guard !reader.isAtEnd else { break }  // A semicolon at the end is tolerated.
            let name = reader.token { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ";") }
            guard !name.isEmpty, parameters.count < 32, reader.skip(UInt8(ascii: "=")) else { return nil }
            guard let value = reader.parameterValue() else { return nil }
            parameters.append((name.lowercased(), value))
        }
        guard reader.isAtEnd else { return nil }
        self.value = value.lowercased()
        self.parameters = parameters
    }

    /// The first parameter of that name, which is in lower case.
    public subscript(name: String) -> String? { parameters.first { $0.name == name }?.value }

    public static func == (left: Self, right: Self) -> Bool {
        left.value == right.value && left.parameters.elementsEqual(right.parameters, by: ==)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(value) }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        var isAtEnd: Bool { offset == bytes.count }

        mutating func skipSpaces() { while offset < bytes.count, bytes[offset].isSpace { offset += 1 } }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard offset < bytes.count, bytes[offset] == byte else { return false }
            offset += 1
            return true
        }

        /// What comes before a byte that ends it, without the spaces around it.
        mutating func token(until isEnd: (UInt8) -> Bool) -> String {
            skipSpaces()
            let start = offset
            while offset < bytes.count, !isEnd(bytes[offset]) { offset += 1 }
            var end = offset
            while end > start, bytes[end - 1].isSpace { end -= 1 }
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }

        mutating func parameterValue() -> String? {
            skipSpaces()
            guard skip(UInt8(ascii: "\"")) else { return token { $0 == UInt8(ascii: ";") } }
            var value: [UInt8] = []
            while offset < bytes.count {
                var byte = bytes[offset]
                offset += 1
                if byte == UInt8(ascii: "\"") {
                    skipSpaces()
                    return String(decoding: value, as: UTF8.self)
                }
                if byte == UInt8(ascii: "\\"), offset < bytes.count,
                    bytes[offset] == UInt8(ascii: "\"") || bytes[offset] == UInt8(ascii: "\\")
                {
                    byte = bytes[offset]
                    offset += 1
                }
                value.append(byte)
            }
            return nil
        }
    }
}
