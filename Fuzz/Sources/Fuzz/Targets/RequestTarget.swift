import IgropyrHTTP

/// What a server reads in HTTP/1.1: choice of limits, step, bytes.
enum RequestTarget: FuzzTarget {
    static let name = "request"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let limits = HTTPLimits.chosen(by: input.byte())
        let steps = input.steps()
        let wire = input.rest
        guard let transcript = steps.agree(on: { Transcript.requests(wire, step: $0, limits: limits) }) else { return }
        for head in transcript.heads where head.version == .http11 {
            let again = Transcript.requests(write(head), step: .max, limits: HTTPLimits())
            require(again.error == nil && again.heads == [head], "it does not mean the same when passed on")
        }
    }

    /// As a proxy passes it on.
    private static func write(_ head: Transcript.Head) -> [UInt8] {
        var serializer = HTTPSerializer()
        do {
            serializer.beginRequest(checkedMethod: head.method.span.bytes, target: head.target.span.bytes)
            try serializer.append(head.fields)
        } catch { fatalError("what was read cannot be written: \(error)") }
        serializer.endHead()
        return serializer.bytes
    }
}

extension HTTPSerializer {
    /// Names and values in turn.
    mutating func append(_ fields: [[UInt8]]) throws(Failure) {
        for index in stride(from: 0, to: fields.count, by: 2) {
            let (name, value) = (fields[index], fields[index + 1])
            try appendField(name: name.span.bytes, value: value.span.bytes)
        }
    }
}
