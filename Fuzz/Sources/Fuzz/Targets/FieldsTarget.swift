import IgropyrHTTP

/// Values of fields: a size for ranges, then the field lines of a request.
enum FieldsTarget: FuzzTarget {
    static let name = "fields"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let size = input.word()
        let lines = input.rest
        let wire = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + lines + Array("\r\n\r\n".utf8)
        var parser = HTTPParser.requests()
        guard case .head? = try? parser.next(in: wire.span.bytes) else {
            return check(String(decoding: lines, as: UTF8.self), size: size)
        }
        let head = parser.head
        let fields = RepresentationFields(head, in: wire.span.bytes)
        if let range = fields.range { check(ByteRangeSet(range, size: size), size: size) }
        if let codings = fields.acceptedCodings { check(codings) }
        let validators = Validators(entityTag: EntityTag("a"), lastModified: HTTPDate(seconds: 784_111_777))
        for method in HTTPMethod.allCases {
            let outcome = fields.preconditions.evaluate(method, validators)
            require(outcome != .notModified || method == .get || method == .head)
        }
        _ = fields.preconditions.allowsRange(validators, now: 784_111_778)
        head.forEachField(in: wire.span.bytes) { _, value in check(wire.span.bytes.string(in: value), size: size) }
    }

    /// One value, taken for that of each field.
    private static func check(_ value: String, size: Int) {
        checkDate(value)
        checkEntityTags(value)
        check(ByteRangeSet(value, size: size), size: size)
        check(AcceptedCodings(value))
        require(AcceptedTypes(value).weight(of: "text/html") <= 1000)
        if let accepted = WebSocketDeflate.accept([value]) {
            require(9...15 ~= accepted.agreed.windowBits)
        }
        _ = WebSocketDeflate(answer: value)
        guard let parameters = FieldParameters(value) else { return }
        require(!parameters.value.isEmpty && parameters == FieldParameters(value))
    }

    private static func checkDate(_ value: String) {
        guard let date = HTTPDate(value) else { return }
        require(HTTPDate.validSeconds.contains(date.seconds))
        require(HTTPDate(date.text) == date, "a date that was written again is another one")
    }

    private static func checkEntityTags(_ value: String) {
        if let tag = EntityTag(parsing: value) {
            require(tag.description.utf8.elementsEqual(value.utf8) && tag.matchesWeakly(tag))
            require(tag.matchesStrongly(tag) == !tag.isWeak)
        }
        let made = EntityTag(value, isWeak: value.utf8.count & 1 == 1)
        require(EntityTag(parsing: made.description) == made, "a tag that was made cannot be read")
        guard case .tags(let tags) = EntityTagCondition(value) else { return }
        for tag in tags { require(EntityTag(parsing: tag.description) == tag) }
    }

    private static func check(_ ranges: ByteRangeSet, size: Int) {
        guard case .parts(let parts) = ranges else { return }
        require((1...16).contains(parts.count))
        for part in parts { require(!part.isEmpty && part.lowerBound >= 0 && part.upperBound <= size) }
        let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
        for (left, right) in zip(sorted, sorted.dropFirst()) { require(left.upperBound < right.lowerBound) }
    }

    private static func check(_ codings: AcceptedCodings) {
        for coding in ContentCoding.allCases { require(codings.weight(of: coding) <= 1000) }
        guard let best = codings.best(of: ContentCoding.allCases) else { return }
        require(ContentCoding.allCases.allSatisfy { codings.weight(of: $0) <= codings.weight(of: best) })
    }
}
