internal import HTTPTypes
internal import Igropyr
internal import IgropyrUV
internal import Logging

/// Has a program answer a request: the body goes to it while its answer comes, and neither is held. Ends the conversation when
/// it is let go.
final class GatewayExchange {
    private let call: FileRequest
    private let conversation: any GatewayConversation
    private let timeout: Duration
    private let timer: Timer
    private var isTimedOut = false
    private var pump: Task<Void, Never>?

    init(_ call: FileRequest, _ conversation: any GatewayConversation, timeout: Duration) throws {
        self.call = call
        self.conversation = conversation
        self.timeout = timeout
        do throws(UVError) {
            timer = try Timer(on: call.loop)
        } catch {
            conversation.end()
            throw error
        }
    }

    deinit { end() }

    private func end() {
        pump?.cancel()
        pump = nil
        timer.close()
        conversation.end()
    }

    /// The answer, as soon as its head is there.
    /// - Throws: ``HTTPFailure`` 502 and 504; ``RestartRequest`` for a local redirect; `CancellationError`.
    func response(sending body: GatewayBody) async throws -> Response {
        do {
            try await inTime { try await conversation.begin() }
            if body.length == nil { try await conversation.endBody() } else { begin(body) }
            let (head, rest) = try await readHead()
            switch head.meaning {
            case .localRedirect(let path):
                end()
                throw RestartRequest(path: path)
            case .document(let status): return try response(head, status, rest)
            }
        } catch let mistake as GatewayMistake {
            end()
            call.log.error(
                "a program's answer is none", metadata: ["file": "\(call.file)", "reason": "\(mistake)"])
            throw HTTPFailure(.badGateway)
        } catch let error as UVError {
            end()
            call.log.error("a program cannot be heard", metadata: ["file": "\(call.file)", "reason": "\(error)"])
            throw HTTPFailure(.badGateway)
        }
    }

    private func timeOut() -> HTTPFailure {
        call.log.error(
            "a program said nothing for too long", metadata: ["file": "\(call.file)", "limit": "\(timeout)"])
        return HTTPFailure(.gatewayTimeout)
    }

    private func readHead() async throws -> (head: GatewayHead, rest: [UInt8]) {
        var parser = GatewayHeadParser()
        while let piece = try await next() {
            if let found = try parser.take(piece) { return found }
        }
        throw GatewayMistake.endsBeforeBody
    }

    private func response(_ head: GatewayHead, _ status: Int, _ rest: [UInt8]) throws -> Response {
        let hasBody = status != 204 && status != 304 && call.method != "HEAD"
        if hasBody, let body = try conversation.heldRest().map({ rest + $0 }),
            head.contentLength ?? body.count == body.count
        {
            end()
            return head.filling(Response(.init(code: status), bytes: body, contentType: head.contentType))
        }
        if !hasBody { end() }
        var response = Response(.init(code: status), contentType: head.contentType) { [self] writer in
            defer { end() }
            if !rest.isEmpty { try await writer.write(rest) }
            while let piece = try await next() { try await writer.write(piece) }
        }
        response.streamLength = head.contentLength
        return head.filling(response)
    }

    private func next() async throws -> [UInt8]? { try await inTime { try await conversation.read() } }

    /// What comes within the time there is.
    private func inTime<Result>(_ body: () async throws -> Result) async throws -> Result {
        try timer.start(after: timeout) { [weak self] in
            self?.isTimedOut = true
            self?.conversation.end()
        }
        defer { timer.cancel() }
        do {
            return try await body()
        } catch  where isTimedOut {
            throw timeOut()
        }
    }

    private func begin(_ body: GatewayBody) {
        nonisolated(unsafe) let (conversation, body) = (conversation, body)  // It runs on this thread.
        pump = Task.immediate(executorPreference: call.loop) {
            // What the program does not take, or the client does not send, shows in the answer.
            try? await unsafe body.send(to: conversation)
        }
    }
}

/// The body of a request, whose length is known: CGI has it told before (RFC 3875 §4.1.2).
struct GatewayBody {
    /// Read before its length was known.
    private let held: [UInt8]
    private let rest: RequestBody?
    /// Nil without a body.
    let length: Int?

    /// Of a body without a length so much is read to learn it.
    private static let heldBytes = 256 << 10

    /// - Throws: ``HTTPFailure`` 413; 411 for a long one without its length.
    init(_ call: FileRequest) async throws {
        let request = call.request
        if call.isRestarted {
            (held, rest, length) = ([], nil, nil)
        } else if let text = request.header("Content-Length"), let length = Int(text) {
            guard length <= call.rules.bodyBytes else { throw HTTPFailure(.contentTooLarge) }
            (held, rest, self.length) = ([], request.body, length)
        } else {
            var held: [UInt8] = []
            for try await piece in request.body {
                held += piece
                guard held.count <= call.rules.bodyBytes else { throw HTTPFailure(.contentTooLarge) }
                guard held.count <= Self.heldBytes else { throw HTTPFailure(.lengthRequired) }
            }
            (self.held, rest, length) = (held, nil, held.isEmpty ? nil : held.count)
        }
    }

    func send(to conversation: any GatewayConversation) async throws {
        if !held.isEmpty { try await conversation.send(held) }
        if let rest { for try await piece in rest { try await conversation.send(piece) } }
        try await conversation.endBody()
    }
}
