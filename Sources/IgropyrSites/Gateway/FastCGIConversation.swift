internal import Igropyr
internal import IgropyrUV
internal import Logging

/// One request to a FastCGI responder, on a connection that is its own for as long; stays on its loop.
final class FastCGIConversation: GatewayConversation {
    private let stream: PulledStream
    private let variables: MetaVariables
    private let hasBody: Bool
    private let keepsConnection: Bool
    private let giveBack: (_ isUsable: Bool) -> Void
    private var errors: ErrorOutput
    // Unchecked, as in ``GatewayPool``.
    @safe @exclusivity(unchecked) private var received: [UInt8] = []
    @safe @exclusivity(unchecked) private var offset = 0
    private var isOver = false
    /// The responder has said nothing at all.
    private(set) var isUnheard = true
    /// The responder has said that it is done; until then the connection cannot be used again.
    private var hasEnded = false
    /// So was the request: what is left of its body would be the next one's.
    private var isInputEnded: Bool

    /// Has the stream until `giveBack` is called, once, which says whether the next request may go there.
    init(
        _ stream: PulledStream, _ call: FileRequest, _ variables: MetaVariables, hasBody: Bool, keepsConnection: Bool,
        giveBack: @escaping (_ isUsable: Bool) -> Void
    ) {
        self.stream = stream
        self.variables = variables
        self.hasBody = hasBody
        isInputEnded = !hasBody
        self.keepsConnection = keepsConnection
        self.giveBack = giveBack
        errors = ErrorOutput(of: call.file, call.log)
    }

    /// What is known to be all leaves in one write.
    func begin() throws {
        try stream.enqueue(
            FastCGIRecord.opening(variables, hasInput: hasBody, keepsConnection: keepsConnection))
    }

    func send(_ bytes: [UInt8]) async throws {
        guard !isOver else { throw CancellationError() }  // The connection may be another request's by now.
        try await stream.write(FastCGIRecord.input(bytes))
    }

    func endBody() throws {
        guard hasBody, !isOver else { return }
        try stream.enqueue(FastCGIRecord.endOfInput)
        isInputEnded = true
    }

    func heldRest() throws -> [UInt8]? {
        var (rest, place): ([UInt8], Int) = ([], offset)
        while true {
            switch try FastCGIRecord.next(in: received, from: place) {
            case .nothing(let consumed): place += consumed
            case .output(let range, let consumed):
                rest += received[range]
                place += consumed
            case .end(.complete, let consumed):
                finish(at: place + consumed)
                return rest
            case .needMore, .errorOutput, .end: return nil
            }
        }
    }

    private func finish(at place: Int) {
        offset = place
        hasEnded = true
        errors.finish()
    }

    func read(within limit: Duration? = nil) async throws -> [UInt8]? {
        while true {
            if let output = try nextOutput() { return output }
            if hasEnded { return nil }
            guard let bytes = try await stream.read(within: limit, isClosedWithTask: true) else {
                throw GatewayMistake.endsEarly
            }
            take(bytes)
        }
    }

    /// Of what is here already; nil if more has to come, or ``hasEnded``.
    private func nextOutput() throws -> [UInt8]? {
        while !hasEnded {
            switch try FastCGIRecord.next(in: received, from: offset) {
            case .needMore: return nil
            case .nothing(let consumed): offset += consumed
            case .output(let range, let consumed):
                offset += consumed
                return Array(received[range])
            case .errorOutput(let range, let consumed):
                errors.take(Array(received[range]))
                offset += consumed
            case .end(let ending, let consumed):
                finish(at: offset + consumed)
                guard ending == .complete else { throw GatewayMistake.refused("\(ending)") }
            }
        }
        return nil
    }

    /// What is held is less than two records.
    private func take(_ bytes: [UInt8]) {
        isUnheard = false
        if offset == received.count {
            received = bytes
        } else {
            received.removeFirst(offset)
            received += bytes
        }
        offset = 0
    }

    func end() {
        guard !isOver else { return }
        isOver = true
        giveBack(hasEnded && isInputEnded && offset == received.count)
    }
}
