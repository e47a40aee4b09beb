extension MessageHead {
    /// Takes a target of visible ASCII apart (RFC 9112 §3.2). Only the method says whether `host:port` or `*` is one.
    mutating func setTarget(_ target: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        targetRange = ByteRange(target.lowerBound, target.upperBound)
        if method == .connect, upgradeRange == .absent {  // Extended CONNECT has a path (RFC 8441 §4).
            targetForm = .authority
            guard Authority.isValid(target, in: bytes, needsPort: true) else { throw .invalidTarget }
            authorityRange = targetRange
        } else if bytes.byte(at: target.lowerBound) == UInt8(ascii: "/") {
            setPathAndQuery(target, in: bytes)
        } else if target.count == 1, bytes.byte(at: target.lowerBound) == UInt8(ascii: "*") {
            guard method == .options else { throw .invalidTarget }
            targetForm = .asterisk
            pathRange = targetRange
        } else {
            try setAbsoluteTarget(target, in: bytes)
        }
    }

    private mutating func setPathAndQuery(_ range: Range<Int>, in bytes: RawSpan) {
        let mark = bytes.firstOffset(of: UInt8(ascii: "?"), from: range.lowerBound, to: range.upperBound)
        pathRange = ByteRange(range.lowerBound, mark ?? range.upperBound)
        if let mark { queryRange = ByteRange(mark + 1, range.upperBound) }
    }

    /// `http://` or `https://`, an authority, then path and query, each maybe empty. Other schemes are none of ours.
    private mutating func setAbsoluteTarget(_ target: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        targetForm = .absolute
        guard let colon = bytes.firstOffset(of: UInt8(ascii: ":"), from: target.lowerBound, to: target.upperBound),
            bytes.equals("http", in: target.lowerBound..<colon)
                || bytes.equals("https", in: target.lowerBound..<colon),
            colon + 3 <= target.upperBound, bytes.equals("://", in: colon..<(colon + 3))
        else { throw .invalidTarget }
        let start = colon + 3
        var end = start
        while end < target.upperBound, bytes.byte(at: end) != UInt8(ascii: "/"),
            bytes.byte(at: end) != UInt8(ascii: "?")
        {
            end += 1
        }
        guard Authority.isValid(start..<end, in: bytes, needsPort: false) else { throw .invalidTarget }
        authorityRange = ByteRange(start, end)
        setPathAndQuery(end..<target.upperBound, in: bytes)
    }
}
