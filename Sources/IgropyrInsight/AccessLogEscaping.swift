/// How a line marks its fields' ends.
package enum AccessLogEscaping { case quoted, json }

extension [UInt8] {
    /// Appends what a client sent so that it ends neither the line nor a field of it. JSON gets no broken UTF-8.
    package mutating func append(escaped text: String, as escaping: AccessLogEscaping) {
        append(escaped: text.utf8.span, as: escaping, mayNeedRepair: false)
    }

    package mutating func append(escaped bytes: Span<UInt8>, as escaping: AccessLogEscaping) {
        append(escaped: bytes, as: escaping, mayNeedRepair: escaping == .json)
    }

    private mutating func append(escaped bytes: Span<UInt8>, as escaping: AccessLogEscaping, mayNeedRepair: Bool) {
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0..<0x20, 0x7F:
                self += (escaping == .json ? "\\u00" : "\\x").utf8
                append((byte >> 4).digit)
                append((byte & 0x0F).digit)
            case 0x80... where mayNeedRepair:
                let rest = unsafe bytes.extracting(droppingFirst: index).withUnsafeBufferPointer {
                    unsafe String(decoding: $0, as: UTF8.self)
                }
                return append(escaped: rest, as: escaping)
            default: append(byte)
            }
        }
    }
}

extension UInt8 {
    /// As a hexadecimal digit; below 16.
    fileprivate var digit: UInt8 { self < 10 ? UInt8(ascii: "0") + self : UInt8(ascii: "A") + self - 10 }
}
