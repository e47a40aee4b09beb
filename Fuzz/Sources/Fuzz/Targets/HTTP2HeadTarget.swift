import IgropyrHTTP

/// The fields of an HTTP/2 request as the header compression gives them: choices, then names and values in turn, each
/// as a line.
enum HTTP2HeadTarget: FuzzTarget {
    static let name = "http2-head"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = input.byte()
        let limits = HTTPLimits.chosen(by: choice)
        var maker = HTTP2RequestHead(limits: limits, allowsExtendedConnect: choice & 2 != 0)
        let lines = input.rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        let first = read(lines, &maker, endsStream: choice & 4 != 0, limits)
        let second = read(lines, &maker, endsStream: choice & 4 != 0, limits)
        require(first == second, "a head depends on the one before it")
    }

    private static func read(
        _ lines: [[UInt8]], _ maker: inout HTTP2RequestHead, endsStream: Bool, _ limits: HTTPLimits
    ) -> [UInt8]? {
        maker.begin()
        for index in stride(from: 0, to: lines.count - 1, by: 2) {
            let (name, value) = (lines[index], lines[index + 1])
            maker.append(name: name.span.bytes, value: value.span.bytes)
        }
        guard let head = try? maker.finish(endsStream: endsStream) else { return nil }
        check(head, maker.bytes, limits)
        return maker.bytes
    }

    /// It can be read as one of HTTP/1.1's, and says the same to whoever it is passed on to.
    private static func check(_ head: MessageHead, _ bytes: [UInt8], _ limits: HTTPLimits) {
        require(head.byteCount == bytes.count && head.fieldCount <= limits.fields + 1)
        require(head.version == .http2 && head.authority.map { !$0.isEmpty } == true)
        var serializer = HTTPSerializer()
        do {
            let span = bytes.span.bytes
            serializer.beginRequest(
                checkedMethod: span.extracting(head.methodName), target: span.extracting(head.target))
            try head.forEachField(in: span) { (name, value) throws(HTTPSerializer.Failure) in
                try serializer.appendField(name: span.extracting(name), value: span.extracting(value))
            }
        } catch { fatalError("what was read cannot be written: \(error)") }
        serializer.endHead()
        var parser = HTTPParser.requests(limits: HTTPLimits())
        let upgrades = head.upgrade != nil  // An extended CONNECT has another form in HTTP/1.1.
        guard !upgrades, serializer.count <= HTTPLimits().headBytes else { return }
        do {
            guard case .head = try parser.next(in: serializer.bytes.span.bytes) else {
                fatalError("a head has no end")
            }
            let copy = parser.head
            require(copy.method == head.method && copy.contentLength == head.contentLength)
            require(
                copy.authority.map { serializer.bytes.span.bytes.array(in: $0) }
                    == head.authority.map { bytes.span.bytes.array(in: $0) })
        } catch { fatalError("what was passed on is refused: \(error)") }
    }
}
