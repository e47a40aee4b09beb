/// `uri-host [":" port]` (RFC 3986 §3.2), without user information, which HTTP forbids (RFC 9110 §4.2.4).
enum Authority {
    /// Whether `range` is one with a host that is not empty.
    static func isValid(_ range: Range<Int>, in bytes: RawSpan, needsPort: Bool) -> Bool {
        guard let hostEnd = endOfHost(range, in: bytes), hostEnd > range.lowerBound else { return false }
        guard hostEnd < range.upperBound else { return !needsPort }
        return bytes.byte(at: hostEnd) == UInt8(ascii: ":")
            && isPort((hostEnd + 1)..<range.upperBound, in: bytes, mayBeEmpty: !needsPort)
    }

    private static func endOfHost(_ range: Range<Int>, in bytes: RawSpan) -> Int? {
        guard let first = range.first else { return nil }
        if bytes.byte(at: first) == UInt8(ascii: "[") { return endOfLiteral(range, in: bytes) }
        var offset = first
        while true {
            offset = bytes.endOfName(from: offset, to: range.upperBound)
            guard offset < range.upperBound, bytes.byte(at: offset) != UInt8(ascii: ":") else { return offset }
            guard bytes.byte(at: offset) == UInt8(ascii: "%"), offset + 2 < range.upperBound,
                bytes.byte(at: offset + 1).hexadecimalValue != nil, bytes.byte(at: offset + 2).hexadecimalValue != nil
            else { return nil }
            offset += 3
        }
    }

    /// `[` hexadecimal digits, colons and dots `]`. Whether they make an address is for the one who resolves them.
    private static func endOfLiteral(_ range: Range<Int>, in bytes: RawSpan) -> Int? {
        var offset = range.lowerBound + 1
        while offset < range.upperBound {
            let byte = bytes.byte(at: offset)
            if byte == UInt8(ascii: "]") { return offset > range.lowerBound + 2 ? offset + 1 : nil }
            guard byte.hexadecimalValue != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") else {
                return nil
            }
            offset += 1
        }
        return nil
    }

    private static func isPort(_ range: Range<Int>, in bytes: RawSpan, mayBeEmpty: Bool) -> Bool {
        guard range.count <= 5 else { return false }
        var port = 0
        for offset in range {
            let byte = bytes.byte(at: offset)
            guard byte.isDigit else { return false }
            port = port &* 10 &+ Int(byte & 0x0F)  // Five digits at most.
        }
        return port <= 65_535 && (mayBeEmpty || !range.isEmpty)
    }
}
