import IgropyrHTTP

/// What a client reads in HTTP/1.1: choice of limits, step, the methods that were asked with, bytes.
enum ResponseTarget: FuzzTarget {
    static let name = "response"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let limits = HTTPLimits.chosen(by: input.byte())
        let steps = input.steps()
        let choice = input.byte()
        let known = HTTPMethod.allCases
        let methods = [known[Int(choice & 0x0F) % known.count], known[Int(choice >> 4) % known.count]]
        let wire = input.rest
        let transcript = steps.agree { Transcript.responses(wire, to: methods, step: $0, limits: limits) }
        for head in transcript?.heads ?? [] where head.version == .http11 {
            // With an answer to GET, the fields alone tell the framing.
            let again = Transcript.responses(write(head), to: [.get], step: .max, limits: HTTPLimits())
            guard let copy = again.heads.first else { fatalError("what was passed on cannot be read") }
            require(copy.status == head.status && copy.fields == head.fields)
            require(copy.contentLength == head.contentLength && copy.upgrade == head.upgrade)
        }
    }

    private static func write(_ head: Transcript.Head) -> [UInt8] {
        var serializer = HTTPSerializer()
        do {
            try serializer.beginResponse(status: head.status)
            try serializer.append(head.fields)
        } catch { fatalError("what was read cannot be written: \(error)") }
        serializer.endHead()
        return serializer.bytes
    }
}
