extension HeadParser {
    /// No registered method has more than 17 letters.
    static var maximumMethodBytes: Int { 32 }

    mutating func parseMethod(
        _ bytes: RawSpan, from start: Int, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        let bound = min(end, start + Self.maximumMethodBytes + 1)
        position = bytes.endOfToken(from: position, to: bound)
        guard position < bound else {
            guard bound < start + Self.maximumMethodBytes + 1 else { throw .methodTooLong }
            return wait(in: .method(start: start))
        }
        guard bytes.byte(at: position) == .space, position > start else { throw .invalidMethod }
        head.methodRange = ByteRange(start, position)
        head.method = HTTPMethod(start..<position, in: bytes)
        position += 1
        return try parseTarget(bytes, from: position, to: end, limits)
    }

    mutating func parseTarget(
        _ bytes: RawSpan, from start: Int, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        let bound = min(end, start + limits.targetBytes + 1)
        position = bytes.endOfTarget(from: position, to: bound)
        guard position < bound else {
            guard bound < start + limits.targetBytes + 1 else { throw .targetTooLong }
            return wait(in: .target(start: start))
        }
        guard bytes.byte(at: position) == .space else {
            throw bytes.byte(at: position) == .carriageReturn ? .invalidRequestLine : .invalidTarget
        }
        guard position > start else { throw .invalidRequestLine }
        try head.setTarget(start..<position, in: bytes)
        position += 1
        return try parseRequestVersion(bytes, from: position, to: end, limits)
    }

    mutating func parseRequestVersion(
        _ bytes: RawSpan, from start: Int, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        guard start < end else { return wait(in: .requestVersion(start: start)) }
        guard bytes.byte(at: start) != .space else { throw .invalidRequestLine }
        guard let version = try version(bytes, from: start, to: end), start + 8 < end else {
            return wait(in: .requestVersion(start: start))
        }
        head.version = version
        switch bytes.byte(at: start + 8) {
        case .carriageReturn: break
        case .lineFeed: throw .bareLineFeed
        default: throw .invalidRequestLine
        }
        position = start + 9
        return try parseStartLineEnd(bytes, to: end, limits)
    }

    /// `HTTP/1.1 200`. The space after the code may be missing along with the reason: some servers leave it out.
    mutating func parseStatusCode(
        _ bytes: RawSpan, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        guard let version = try version(bytes, from: 0, to: end) else { return wait(in: .statusCode) }
        for offset in 8..<min(end, 12) {
            let byte = bytes.byte(at: offset)
            let isRight = offset == 8 ? byte == .space : byte.isDigit && (offset > 9 || byte != UInt8(ascii: "0"))
            guard isRight else { throw .invalidStatusLine }
        }
        guard end > 12 else { return wait(in: .statusCode) }
        head.version = version
        for offset in 9..<12 { head.statusCode = head.statusCode * 10 + UInt16(bytes.byte(at: offset) & 0x0F) }
        position = 13
        switch bytes.byte(at: 12) {
        case .space: return try parseReason(bytes, from: 13, to: end, limits)
        case .carriageReturn: return try parseStartLineEnd(bytes, to: end, limits)
        case .lineFeed: throw .bareLineFeed
        default: throw .invalidStatusLine
        }
    }

    mutating func parseReason(
        _ bytes: RawSpan, from start: Int, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        position = bytes.endOfText(from: position, to: end)
        guard position < end else { return wait(in: .reason(start: start)) }
        switch bytes.byte(at: position) {
        case .carriageReturn: break
        case .lineFeed: throw .bareLineFeed
        default: throw .controlCharacter
        }
        head.reasonRange = ByteRange(start, position)
        position += 1
        return try parseStartLineEnd(bytes, to: end, limits)
    }
}
