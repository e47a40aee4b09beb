import IgropyrHTTP

/// A body of several parts: choice of limits, step, bytes.
enum MultipartTarget: FuzzTarget {
    static let name = "multipart"

    private struct Outcome: Equatable {
        /// The fields of each part, and its data.
        var parts: [(fields: [UInt8], data: [UInt8], isWhole: Bool)] = []
        var hasEnded = false
        var error: MultipartError?

        static func == (left: Self, right: Self) -> Bool {
            left.hasEnded == right.hasEnded && left.error == right.error
                && left.parts.elementsEqual(right.parts, by: ==)
        }
    }

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = input.byte()
        let steps = input.steps()
        let body = input.rest
        var limits = MultipartLimits()
        if choice & 1 == 1 { (limits.parts, limits.headBytes, limits.fields, limits.preambleBytes) = (3, 40, 3, 20) }
        let boundary = choice & 2 == 0 ? "b" : "--" + String(repeating: "-b", count: 34)
        _ = steps.agree { read(body, step: $0, boundary, limits) }
    }

    private static func read(_ body: [UInt8], step: Int, _ boundary: String, _ limits: MultipartLimits) -> Outcome {
        var outcome = Outcome()
        var consumed = 0
        var fed = 0
        do throws(MultipartError) {
            var parser = try MultipartParser(boundary: boundary, limits: limits)
            while !outcome.hasEnded {
                let bytes = body.span.bytes.extracting(consumed..<fed)
                if let count = try take(from: &parser, bytes, &outcome) {
                    require((0...bytes.byteCount).contains(count), "more was consumed than there was")
                    consumed += count
                } else if fed == body.count {
                    try parser.handleEndOfInput()
                    fatalError("a body without its last delimiter passes")
                } else {
                    let kept = max(limits.headBytes, limits.preambleBytes) + 200
                    require(fed - consumed <= kept, "what has to be kept is not bounded")
                    fed += min(step, body.count - fed)
                }
            }
        } catch { outcome.error = error }
        require(outcome.parts.count <= limits.parts)
        return outcome
    }

    /// Takes one event and notes it; nil for `.needMore`.
    private static func take(
        from parser: inout MultipartParser, _ bytes: RawSpan, _ outcome: inout Outcome
    ) throws(MultipartError) -> Int? {
        switch try parser.next(in: bytes) {
        case .needMore: return nil
        case .part(let fields, let consumed):
            require(fields.upperBound <= consumed)
            outcome.parts.append((bytes.array(in: fields), [], false))
            return consumed
        case .data(let range, let consumed):
            require(!range.isEmpty && range.upperBound <= consumed)
            outcome.parts[outcome.parts.count - 1].data += bytes.array(in: range)
            return consumed
        case .endOfPart(let consumed):
            outcome.parts[outcome.parts.count - 1].isWhole = true
            return consumed
        case .end(let consumed):
            outcome.hasEnded = true
            return consumed
        case .preamble(let consumed): return consumed
        }
    }
}
