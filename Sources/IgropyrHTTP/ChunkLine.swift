/// The line before a chunk's data: `chunk-size *( ";" name [ "=" ( token / quoted-string ) ] )`, strictly without the
/// white space that RFC 9112 §7.1.1 calls bad.
struct ChunkLine {
    let size: UInt64
    /// What follows the size, which nobody needs.
    let extensionBytes: Int

    init(_ line: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        var offset = line.lowerBound
        var size: UInt64 = 0
        while offset < line.upperBound, let digit = bytes.byte(at: offset).hexadecimalValue {
            guard size <= UInt64(Int64.max) >> 4 else { throw .chunkSizeTooLarge }
            size = size << 4 | UInt64(digit)
            offset += 1
        }
        guard offset > line.lowerBound else { throw .invalidChunkSize }
        guard offset == line.upperBound || bytes.byte(at: offset) == UInt8(ascii: ";") else { throw .invalidChunkSize }
        self.size = size
        extensionBytes = line.upperBound - offset
        while offset < line.upperBound {
            offset = try Self.endOfExtension(from: offset, to: line.upperBound, in: bytes)
        }
    }

    /// Where the extension that begins at `start`, with its `;`, ends.
    private static func endOfExtension(from start: Int, to end: Int, in bytes: RawSpan) throws(HTTPError) -> Int {
        guard bytes.byte(at: start) == UInt8(ascii: ";") else { throw .invalidChunkExtension }
        let nameEnd = bytes.endOfToken(from: start + 1, to: end)
        guard nameEnd > start + 1 else { throw .invalidChunkExtension }
        guard nameEnd < end, bytes.byte(at: nameEnd) == UInt8(ascii: "=") else { return nameEnd }
        let valueStart = nameEnd + 1
        if valueStart < end, bytes.byte(at: valueStart) == UInt8(ascii: "\"") {
            return try endOfQuotedString(from: valueStart, to: end, in: bytes)
        }
        let valueEnd = bytes.endOfToken(from: valueStart, to: end)
        guard valueEnd > valueStart else { throw .invalidChunkExtension }
        return valueEnd
    }

    private static func endOfQuotedString(from start: Int, to end: Int, in bytes: RawSpan) throws(HTTPError) -> Int {
        var offset = start + 1
        while offset < end, bytes.byte(at: offset).isText {
            switch bytes.byte(at: offset) {
            case UInt8(ascii: "\""):
                return offset + 1
            case UInt8(ascii: "\\"):
                guard offset + 1 < end, bytes.byte(at: offset + 1).isText else { throw .invalidChunkExtension }
                offset += 2
            default:
                offset += 1
            }
        }
        throw .invalidChunkExtension
    }
}
