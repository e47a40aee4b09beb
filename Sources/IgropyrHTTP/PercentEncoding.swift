/// Percent-escapes (RFC 3986 §2.1), read strictly.
public enum PercentEncoding {
    /// The bytes that `range` stands for, `%XX` replaced; with `decodingPlus` also `+` by a space, as in forms.
    /// - Throws: `.invalidPercentEncoding` for a `%` without two hexadecimal digits, and for `%00`, which would cut
    ///   names short in C.
    public static func decode(
        _ range: Range<Int>, in bytes: RawSpan, decodingPlus: Bool = false
    ) throws(HTTPError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let byte = bytes.byte(at: offset)
            switch byte {
            case UInt8(ascii: "%"):
                decoded.append(try escaped(at: offset, before: range.upperBound, in: bytes))
                offset += 3
            case UInt8(ascii: "+") where decodingPlus:
                decoded.append(.space)
                offset += 1
            default:
                decoded.append(byte)
                offset += 1
            }
        }
        return decoded
    }

    /// As ``decode(_:in:decodingPlus:)``, as text.
    /// - Throws: `.invalidPercentEncoding` also for what is not UTF-8: two names must not become the same.
    public static func decodeString(
        _ range: Range<Int>, in bytes: RawSpan, decodingPlus: Bool = false
    ) throws(HTTPError) -> String {
        let decoded = try decode(range, in: bytes, decodingPlus: decodingPlus)
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .invalidPercentEncoding }
        return text
    }

    /// `text` as one segment of a path or one part of a query: everything is escaped but RFC 3986's unreserved.
    public static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if byte.isLetter || byte.isDigit || "-._~".utf8.contains(byte) {
                encoded.append(byte)
            } else {
                append(escaped: byte, to: &encoded)
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// `text` as a reference to a resource: what cannot stand in one is escaped (RFC 3986 §2), such as a space, a
    /// control character and what is not ASCII; the rest, escapes included, stays.
    public static func encodeReference(_ text: String) -> String {
        guard !text.utf8.allSatisfy(\.mayStandInReference) else { return text }
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if byte.mayStandInReference { encoded.append(byte) } else { append(escaped: byte, to: &encoded) }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    static func escaped(at offset: Int, before end: Int, in bytes: RawSpan) throws(HTTPError) -> UInt8 {
        guard offset + 2 < end, let high = bytes.byte(at: offset + 1).hexadecimalValue,
            let low = bytes.byte(at: offset + 2).hexadecimalValue, high | low != 0
        else { throw .invalidPercentEncoding }
        return high << 4 | low
    }

    static func append(escaped byte: UInt8, to text: inout [UInt8]) {
        text += [UInt8(ascii: "%"), hexadecimalDigit(byte >> 4), hexadecimalDigit(byte & 0x0F)]
    }

    private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}

extension UInt8 {
    fileprivate var mayStandInReference: Bool {
        switch self {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"),
            UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: (0x21...0x7E).contains(self)
        }
    }
}
