internal import HTTPTypes
internal import Igropyr
internal import IgropyrUV
internal import Logging

/// Has a program answer a request: the body goes to it while its answer comes, and that is not held. Ends the
/// conversation when it is let go.
final class GatewayExchange {
    private let call: FileRequest
    private let conversation: any GatewayConversation
    private let timeout: Duration
    // Unchecked, as in ``GatewayPool``.
    @safe @exclusivity(unchecked) private var parser = GatewayHeadParser()
    private var pump: Task<Void, Never>?

    /// `timeout` is how long the program may say nothing.
    init(_ call: FileRequest, _ conversation: any GatewayConversation, timeout: Duration) {
        self.call = call
        self.conversation = conversation
        self.timeout = timeout
    }

    deinit { end() }

    private func end() {
        pump?.cancel()
        pump = nil
        conversation.end()
    }

    /// The answer, as soon as its head is there.
    /// - Throws: ``HTTPFailure`` 502 and 504; ``RestartRequest`` for a local redirect; `CancellationError`.
    func response(sending body: GatewayBody) async throws -> Response {
        do {
            try begin(with: body)
            while let piece = try await conversation.read(within: timeout) {
                if let response = try response(behind: piece) { return response }
            }
            throw GatewayMistake.endsBeforeBody
        } catch {
            throw failure(explaining: error)
        }
    }

    private func begin(with body: GatewayBody) throws {
        try Task.checkCancellation()
        call.request.whenAbandoned { [conversation] in conversation.end() }
        try conversation.begin()
        if body.length == nil { try conversation.endBody() } else { begin(body) }
    }

    /// Apart, as what follows is, too, so that the task's frame, which is on the heap, stays small.
    @inline(never)
    private func failure(explaining error: any Error) -> any Error {
        switch error {
        case is GatewayMistake, is FastCGIRecord.Mistake:
            failure(.badGateway, "a program's answer is none", ["reason": "\(error)"])
        case let error as UVError: failure(telling: error)
        default: error
        }
    }

    private func failure(telling error: UVError) -> HTTPFailure {
        guard error.code == UVError.timedOut else {
            return failure(.badGateway, "a program cannot be heard", ["reason": "\(error)"])
        }
        return failure(.gatewayTimeout, "a program said nothing for too long", ["limit": "\(timeout)"])
    }

    /// Ends the conversation, and tells the log why.
    private func failure(
        _ status: HTTPResponse.Status, _ message: Logger.Message, _ metadata: Logger.Metadata
    ) -> HTTPFailure {
        end()
        var metadata = metadata
        metadata["file"] = "\(call.file)"
        call.log.error(message, metadata: metadata)
        return HTTPFailure(status)
    }

    /// Nil while the head is not whole.
    @inline(never)
    private func response(behind piece: [UInt8]) throws -> Response? {
        guard let (head, rest) = try parser.take(piece) else { return nil }
        parser = GatewayHeadParser()  // What it holds is not needed while the rest is sent.
        switch head.meaning {
        case .localRedirect(let path):
            end()
            throw RestartRequest(path: path)
        case .document(let status): return try response(head, status, rest)
        }
    }

    private func response(_ head: GatewayHead, _ status: Int, _ rest: [UInt8]) throws -> Response {
        let hasBody = status != 204 && status != 205 && status != 304 && call.method != "HEAD"
        var first = rest
        if hasBody, let held = try conversation.heldRest() {
            if !held.isEmpty { first += held }
            if head.contentLength ?? first.count == first.count {
                end()
                var response = Response(.init(code: status), bytes: first, contentType: head.contentType)
                head.fill(&response)
                return response
            }
        }
        if !hasBody { end() }
        var response = Response(.init(code: status), contentType: head.contentType) { [self, first] writer in
            defer { end() }
            try await send(first, within: head.contentLength, to: writer)
        }
        response.streamLength = head.contentLength
        head.fill(&response)
        return response
    }

    /// Sends what is there, and what comes. No more than the program has said, and if it is less the response is cut.
    private func send(_ first: [UInt8], within length: Int?, to writer: ResponseWriter) async throws {
        var left = length ?? .max
        var piece: [UInt8]? = first
        while let bytes = piece {
            guard bytes.count <= left else {
                call.log.error(
                    "a program's answer is longer than its Content-Length, and was shortened",
                    metadata: ["file": "\(call.file)"])
                return try await writer.write(Array(bytes.prefix(left)))
            }
            left -= bytes.count
            if !bytes.isEmpty { try await writer.write(bytes) }
            piece = try await next()
        }
        guard length == nil || left == 0 else {
            throw failure(.badGateway, "a program's answer is shorter than its Content-Length", ["missing": "\(left)"])
        }
    }

    private func next() async throws -> [UInt8]? {
        do {
            return try await conversation.read(within: timeout)
        } catch let error as UVError where error.code == UVError.timedOut {
            throw failure(telling: error)
        }
    }

    private func begin(_ body: GatewayBody) {
        nonisolated(unsafe) let (conversation, body) = (conversation, body)  // It runs on this thread.
        pump = Task.immediate(executorPreference: call.loop) {
            // What the program does not take shows in the answer.
            try? await unsafe body.send(to: conversation)
        }
    }
}

/// The body of a request, which is taken whole before a program is asked: who is slow to send keeps none of those that
/// answer one request at a time, and CGI has its length told before (RFC 3875 §4.1.2).
struct GatewayBody {
    /// What is too much to be held, and ``held`` came after that.
    private var spool: BodySpool?
    private var held: [UInt8] = []
    private var rest: RequestBody?
    /// Nil without a body; and while one is to be taken whose length the client has not said.
    private(set) var length: Int?

    /// More goes to a file.
    private static let heldBytes = 64 << 10

    /// None of a request that another program has left behind.
    /// - Throws: ``HTTPFailure`` 413.
    init(_ call: FileRequest) throws {
        guard !call.isRestarted else { return }
        length = call.request.bodyLength
        guard length ?? 0 <= call.rules.bodyBytes else { throw HTTPFailure(.contentTooLarge) }
        if !call.request.body.isAtEnd { rest = call.request.body }
    }

    /// Whether there is nothing to be taken any more.
    var isWhole: Bool { rest == nil }

    /// To be called unless it ``isWhole``.
    /// - Throws: ``HTTPFailure`` 413; as ``BodySpool/init(for:)``.
    mutating func take(_ call: FileRequest) async throws {
        guard let rest else { return }
        var count = 0
        for try await piece in rest {
            held += piece
            count += piece.count
            guard count <= call.rules.bodyBytes else { throw HTTPFailure(.contentTooLarge) }
            if held.count > Self.heldBytes { try await spoolHeld(call) }
        }
        self.rest = nil
        if count > 0 { length = count }
    }

    private mutating func spoolHeld(_ call: FileRequest) async throws {
        let spool = if let spool { spool } else { try await BodySpool(for: call) }
        self.spool = spool
        try await spool.append(held, of: call)
        held.removeAll(keepingCapacity: true)
    }

    func send(to conversation: any GatewayConversation) async throws {
        if let spool { try await spool.forEachPiece { piece in try await conversation.send(piece) } }
        if !held.isEmpty { try await conversation.send(held) }
        try conversation.endBody()
    }
}
