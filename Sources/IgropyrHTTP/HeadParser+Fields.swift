/// What the `Transfer-Encoding` fields say, taken together (RFC 9112 §6.1).
struct TransferCodings {
    var isPresent = false
    var isChunked = false
    var hasUnknown = false
}

extension HeadParser {
    /// Notes the fields that matter to HTTP itself; others were only checked and counted.
    mutating func record(_ name: Range<Int>, _ value: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        switch name.count {
        case 4 where !isResponse && bytes.equals("host", in: name): try recordHost(value, in: bytes)
        case 4 where isResponse && bytes.equals("date", in: name): head.hasDate = true
        case 6 where bytes.equals("expect", in: name): try recordExpectation(value, in: bytes)
        case 7 where bytes.equals("upgrade", in: name): recordUpgrade(value)
        case 10 where bytes.equals("connection", in: name): try recordConnection(value, in: bytes)
        case 14 where bytes.equals("content-length", in: name): try recordContentLength(value, in: bytes)
        case 17 where bytes.equals("transfer-encoding", in: name): try recordTransferEncoding(value, in: bytes)
        default: break
        }
    }

    private mutating func recordHost(_ value: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        guard head.host == nil else { throw .duplicateHost }
        guard Authority.isValid(value, in: bytes, needsPort: false) else { throw .invalidHost }
        head.hostRange = ByteRange(value.lowerBound, value.upperBound)
    }

    private mutating func recordExpectation(_ value: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        guard !isResponse, head.version != .http10 else { return }
        guard bytes.equals("100-continue", in: value) else { throw .unsupportedExpectation }
        head.expectContinue = true
    }

    private mutating func recordUpgrade(_ value: Range<Int>) {
        guard head.upgradeRange == .absent, !value.isEmpty else { return }
        head.upgradeRange = ByteRange(value.lowerBound, value.upperBound)
    }

    /// Connection options; empty elements are allowed. One that names a field on which framing or routing rests would
    /// have proxies remove it: refused.
    private mutating func recordConnection(_ value: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        if bytes.equals("keep-alive", in: value) { return head.connectionListsKeepAlive = true }  // The common case.
        var list = ListIterator(value)
        while let option = list.next(in: bytes) {
            guard !option.isEmpty else { continue }
            guard bytes.endOfToken(from: option.lowerBound, to: option.upperBound) == option.upperBound,
                !bytes.equals("host", in: option), !bytes.equals("content-length", in: option),
                !bytes.equals("transfer-encoding", in: option)
            else { throw .invalidConnection }
            if bytes.equals("close", in: option) {
                head.connectionListsClose = true
            } else if bytes.equals("keep-alive", in: option) {
                head.connectionListsKeepAlive = true
            } else if bytes.equals("upgrade", in: option) {
                head.connectionListsUpgrade = true
            } else {
                head.hasConnectionFields = true
            }
        }
    }

    private mutating func recordContentLength(_ value: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        guard head.contentLength == nil else { throw .duplicateContentLength }
        guard !value.isEmpty else { throw .invalidContentLength }
        for offset in value where !bytes.byte(at: offset).isDigit { throw .invalidContentLength }
        guard value.count <= 19 else { throw .contentLengthTooLarge }  // 19 digits fit 64 bits.
        var length: UInt64 = 0
        for offset in value { length = length * 10 + UInt64(bytes.byte(at: offset) & 0x0F) }
        guard length <= UInt64(Int64.max) else { throw .contentLengthTooLarge }
        head.contentLength = length
    }

    private mutating func recordTransferEncoding(_ value: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        codings.isPresent = true
        var list = ListIterator(value)
        while let coding = list.next(in: bytes) {
            guard !coding.isEmpty,
                bytes.endOfToken(from: coding.lowerBound, to: coding.upperBound) == coding.upperBound
            else { throw .invalidTransferEncoding }
            guard !codings.isChunked else { throw .misplacedChunked }
            if bytes.equals("chunked", in: coding) { codings.isChunked = true } else { codings.hasUnknown = true }
        }
    }

    /// Judges the head as a whole. The framing of a response is settled by ``HTTPParser``, which knows the request.
    mutating func finish() throws(HTTPError) {
        if !isResponse, head.version == .http11, head.host == nil { throw .missingHost }
        if codings.isPresent {
            guard head.contentLength == nil else { throw .ambiguousLength }
            guard head.version == .http11 else { throw .transferEncodingInHTTP10 }
            guard !codings.hasUnknown else { throw .unsupportedTransferCoding }
            head.framing = .chunked
        } else if let length = head.contentLength {
            head.framing = .length(length)
        }
        switch head.version {
        case .http11, .http2: head.keepAlive = !head.connectionListsClose
        case .http10: head.keepAlive = head.connectionListsKeepAlive && !head.connectionListsClose
        }
        if !head.connectionListsUpgrade || head.version == .http10 { head.upgradeRange = .absent }
    }
}
