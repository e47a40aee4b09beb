import Igropyr
@testable import IgropyrSites

/// The head of what a program behind CGI, FastCGI or SCGI answers, and what of the body comes with it.
enum GatewayHeadTarget: FuzzTarget {
    static let name = "gateway-head"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let steps = input.steps()
        let output = input.rest
        guard case .head(let head, let bodyBytes)? = steps.agree(on: { read(output, step: $0) }) else { return }
        require(bodyBytes <= output.count && output.count - bodyBytes <= GatewayHeadParser.limitBytes)
        check(head)
        guard case .head(let copy, 0) = read(write(head), step: .max) else {
            fatalError("what was read cannot be written")
        }
        require(copy == head && copy.meaning == head.meaning, "a head that was written again is another one")
    }

    private enum Outcome: Equatable {
        case head(GatewayHead, bodyBytes: Int)
        case unfinished
        case mistake(GatewayMistake)
    }

    private static func read(_ output: [UInt8], step: Int) -> Outcome {
        var parser = GatewayHeadParser()
        var fed = 0
        do throws(GatewayMistake) {
            while fed < output.count {
                let end = fed + min(step, output.count - fed)
                defer { fed = end }
                guard let (head, rest) = try parser.take(Array(output[fed..<end])) else { continue }
                require(
                    rest.elementsEqual(output[(end - rest.count)..<end]), "the body does not begin where the head ends")
                return .head(head, bodyBytes: rest.count + output.count - end)
            }
        } catch { return .mistake(error) }
        return .unfinished
    }

    /// What goes on to clients can stand there, and leaves framing to the server.
    private static func check(_ head: GatewayHead) {
        require(head.status.map { (200...599).contains($0) } ?? true)
        require(head.contentLength.map { $0 >= 0 } ?? true)
        require(head.contentType != nil || head.location != nil || head.status != nil, "a head that says nothing")
        let values = head.fields.map(\.value) + [head.location, head.contentType].compactMap { $0 }
        for value in values { require(!value.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }, "a field goes on") }
        let forbidden: Set = ["transfer-encoding", "content-length", "connection", "upgrade", "trailer", "status"]
        for field in head.fields { require(!forbidden.contains(field.name.canonicalName)) }
        guard case .localRedirect(let target) = head.meaning else { return }
        require(target.hasPrefix("/") && !target.hasPrefix("//") && target == head.location)
    }

    private static func write(_ head: GatewayHead) -> [UInt8] {
        var text = head.fields.map { "\($0.name.rawName): \($0.value)\r\n" }.joined()
        if let status = head.status { text += "Status: \(status)\r\n" }
        if let location = head.location { text += "Location: \(location)\r\n" }
        if let type = head.contentType { text += "Content-Type: \(type)\r\n" }
        if let length = head.contentLength { text += "Content-Length: \(length)\r\n" }
        return Array((text + "\r\n").utf8)
    }
}
