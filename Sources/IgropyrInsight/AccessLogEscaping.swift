internal import IgropyrText

/// How a line marks its fields' ends.
package enum AccessLogEscaping { case quoted, json }

extension [UInt8] {
    /// Appends what a client sent so that it ends neither the line nor a field of it, and no terminal that shows the
    /// line obeys it.
    package mutating func append(escaped text: String, as escaping: AccessLogEscaping) {
        append(escaped: text.utf8.span, as: escaping)
    }

    /// The same for bytes that may be no UTF-8. JSON has U+FFFD for what is none.
    package mutating func append(escaped bytes: Span<UInt8>, as escaping: AccessLogEscaping) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x80...: index += append(beyondASCII: bytes.extracting(droppingFirst: index), as: escaping)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
                index += 1
            case 0..<0x20, 0x7F:
                append(control: byte, as: escaping)
                index += 1
            default:
                append(byte)
                index += 1
            }
        }
    }

    /// The character that `bytes` begin with, or what is none.
    /// - Returns: of how many bytes it is.
    private mutating func append(beyondASCII bytes: Span<UInt8>, as escaping: AccessLogEscaping) -> Int {
        let first = (0..<Swift.min(4, bytes.count)).map { bytes[$0] }
        var (parser, rest) = (UTF8.ForwardParser(), first.makeIterator())
        switch parser.parseScalar(from: &rest) {
        case .valid(let encoded) where !UTF8.decode(encoded).isControl:
            self += encoded
            return encoded.count
        case .valid(let encoded):  // Of C1, all of which end in their own number.
            if escaping == .json { append(control: first[1], as: .json) } else { append(raw: first.prefix(2)) }
            return encoded.count
        case .error(let length):
            if escaping == .json { self += "\u{FFFD}".utf8 } else { append(raw: first.prefix(length)) }
            return length
        case .emptyInput: return bytes.count
        }
    }

    private mutating func append(control byte: UInt8, as escaping: AccessLogEscaping) {
        guard escaping == .json else { return append(raw: [byte]) }
        self += "\\u00".utf8
        append(hexadecimal: byte)
    }

    private mutating func append(raw bytes: some Sequence<UInt8>) {
        for byte in bytes {
            self += "\\x".utf8
            append(hexadecimal: byte)
        }
    }

    private mutating func append(hexadecimal byte: UInt8) {
        append((byte >> 4).digit)
        append((byte & 0x0F).digit)
    }
}

extension UInt8 {
    /// As a hexadecimal digit; below 16.
    fileprivate var digit: UInt8 { self < 10 ? UInt8(ascii: "0") + self : UInt8(ascii: "A") + self - 10 }
}
