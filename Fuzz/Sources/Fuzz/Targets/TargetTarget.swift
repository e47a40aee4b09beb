import IgropyrHTTP

/// Where a request goes: its form, then the bytes of its target, its authority or its `Host`.
enum TargetTarget: FuzzTarget {
    static let name = "target"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = input.byte()
        let text = input.rest
        checkAnything(text)
        let line: [UInt8] =
            switch choice % 4 {
            case 0: Array("GET ".utf8) + text + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            case 1: Array("CONNECT ".utf8) + text + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            case 2: Array("OPTIONS ".utf8) + text + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            default: Array("GET / HTTP/1.1\r\nHost: ".utf8) + text + Array("\r\n\r\n".utf8)
            }
        var parser = HTTPParser.requests()
        guard case .head? = try? parser.next(in: line.span.bytes) else { return }
        let head = parser.head
        require(head.authority.map { !$0.isEmpty } ?? true)
        switch head.targetForm {
        case .origin, .absolute:
            checkPath(head.path, in: line)
            if let query = head.query { checkQuery(query, in: line) }
        case .authority, .asterisk: break
        }
        // The ecosystem's type traps on what it does not take.
        require(head.httpFields(in: line.span.bytes).count == head.fieldCount)
    }

    /// Whatever the bytes, they are read or refused.
    private static func checkAnything(_ text: [UInt8]) {
        let all = 0..<text.count
        _ = try? PathSegments.decode(all, in: text.span.bytes)
        _ = try? QueryPair.parse(all, in: text.span.bytes)
        guard let decoded = try? PercentEncoding.decodeString(all, in: text.span.bytes) else { return }
        let encoded = Array(PercentEncoding.encode(decoded).utf8)
        require(encoded.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        guard !decoded.utf8.contains(0) else { return }
        let again = try? PercentEncoding.decodeString(0..<encoded.count, in: encoded.span.bytes)
        require(again?.utf8.elementsEqual(decoded.utf8) == true, "an escaped text is another one")
    }

    private static func checkPath(_ path: Range<Int>, in line: [UInt8]) {
        let bytes = line.span.bytes
        let isValid = (try? PathSegments.validate(path, in: bytes)) != nil
        let decoded = try? PathSegments.decode(path, in: bytes)
        require(isValid || decoded == nil, "a path that is refused can be decoded")
        if isValid, decoded == nil {  // Then it is not UTF-8, and so its bytes alone can be had.
            require((try? PercentEncoding.decode(path, in: bytes)) != nil)
        }
        if !path.isEmpty, PathSegments.isPlain(bytes.extracting((path.lowerBound + 1)..<path.upperBound)) {
            require(decoded?.joined(separator: "/") == bytes.string(in: (path.lowerBound + 1)..<path.upperBound))
        }
        guard let decoded else { return }
        for segment in decoded { require(segment != "." && segment != ".." && !segment.utf8.contains(0)) }
        let written = Array(decoded.map { "/" + PercentEncoding.encode($0) }.joined().utf8)
        let again = try? PathSegments.decode(0..<written.count, in: written.span.bytes)
        require(again == decoded, "a path that was written again is another one")
    }

    private static func checkQuery(_ query: Range<Int>, in line: [UInt8]) {
        guard let pairs = try? QueryPair.parse(query, in: line.span.bytes) else { return }
        require(pairs.count <= QueryPair.maximumCount)
        let written = Array(
            pairs.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }
                .joined(separator: "&").utf8)
        let again = try? QueryPair.parse(0..<written.count, in: written.span.bytes)
        require(again == pairs, "a query that was written again is another one")
    }
}
