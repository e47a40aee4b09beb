internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTransport
internal import Logging

/// How what handlers answer goes out.
extension RequestDispatcher {
    /// Sends what a task has made. Apart, so that the task's frame, which is on the heap, stays small.
    /// - Returns: what is still to be done if that takes time.
    @inline(never)
    func respond(
        _ response: Response, _ request: Request?, _ exchange: Exchange
    ) -> (() async -> Void)? {
        guard !exchange.isOver, !exchange.hasResponse else { return nil }
        exchange.hasResponse = true
        let connection = exchange.connection
        switch response.body {
        case .none, .text, .bytes:
            if sendHead(response, request, on: exchange) { sendBody(response, on: exchange) }
            exchange.endResponse()
        case .file(let file, let range):
            guard sendHead(response, request, on: exchange), connection.sendsBody else {
                exchange.endResponse()
                return nil
            }
            exchange.send(FileTransfer(file, range: range, on: connection))
        case .stream(let produce):
            guard sendHead(response, request, on: exchange), connection.sendsBody else {
                exchange.endResponse()
                return nil
            }
            return { [self] in await run(produce, request, exchange) }
        case .webSocket(let opening):
            return { [self] in await open(opening, response, request, exchange) }
        }
        return nil
    }

    private func run(
        _ produce: (ResponseWriter) async throws -> Void, _ request: Request?, _ exchange: Exchange
    ) async {
        do {
            exchange.connection.flush()
            try await produce(ResponseWriter(exchange: exchange))
            var trailers = TrailerFields()
            if let fields = exchange.responseTrailers { try trailers.append(fields) }
            exchange.endResponse(trailers)
        } catch {
            if !exchange.isAbandoned(with: error) {
                logger(request).error("a stream failed", metadata: ["reason": "\(error)"])
            }
            exchange.abort()
        }
    }

    /// Sends what a call has made; what needs time gets an exchange.
    @discardableResult
    func respond(_ response: Response, on connection: any HTTPServerStream) -> Exchange? {
        switch response.body {
        case .none, .text, .bytes:
            guard sendHead(response, on: connection) else { return nil }
            sendBody(response, on: connection)
            connection.endResponse()
            return nil
        case .file(let file, let range):
            guard sendHead(response, on: connection), connection.sendsBody else { return nil }
            let exchange = Exchange(on: connection, bodyLimit: .max, hasBody: true)
            connection.exchange = exchange
            exchange.send(FileTransfer(file, range: range, on: connection))
            return exchange
        case .stream, .webSocket:
            let exchange = Exchange(on: connection, bodyLimit: .max, hasBody: true)
            connection.exchange = exchange
            start(response, request, exchange)
            return exchange
        }
    }

    /// Whether the head went out; if not, 500 did in its place. Nil for the request that was made last.
    private func sendHead(
        _ response: Response, _ request: Request? = nil, on connection: any HTTPServerStream
    ) -> Bool {
        do throws(HTTPSerializer.Failure) {
            guard response.status.code >= 200 else { throw .invalidStatus }  // The rest is looked at as it is written.
            try connection.beginResponse(status: response.status.code, framing: response.framing)
            if let type = response.contentType { try connection.appendField("Content-Type", type) }
            if response.hasFields { try sendFields(response, on: connection) }
            connection.endHead()
            (sentStatus, sentBytes) = (response.status.code, 0)
            return true
        } catch {
            withdrawHead(error, request ?? self.request, on: connection)
            return false
        }
    }

    /// Of the request, if that is known.
    func logger(_ request: Request?) -> Logger { request?.logger ?? essentials.logger }

    /// Answers 500 in place of a response that cannot go out.
    func withdrawHead(_ error: HTTPSerializer.Failure, _ request: Request?, on connection: any HTTPServerStream) {
        logger(request).error("a response cannot be written", metadata: ["reason": "\(error)"])
        connection.withdrawHead()
        respond(HTTPFailure(.internalServerError).response, on: connection)
    }

    private func sendHead(_ response: Response, _ request: Request?, on exchange: Exchange) -> Bool {
        defer { exchange.status = sentStatus }
        return sendHead(response, request, on: exchange.connection)
    }

    private func sendBody(_ response: Response, on exchange: Exchange) {
        sendBody(response, on: exchange.connection)
        exchange.noteSent(sentBytes)
    }

    func sendFields(
        _ response: Response, on connection: any HTTPServerStream
    ) throws(HTTPSerializer.Failure) {
        for field in response.fields {
            switch field.name {
            case .connection, .contentLength, .date, .server, .transferEncoding: continue
            case .contentType where response.contentType != nil: continue
            default: try connection.appendField(field.name.rawName, field.value)
            }
        }
    }

    private func sendBody(_ response: Response, on connection: any HTTPServerStream) {
        sentBytes = connection.sendsBody ? response.body.count : 0
        switch response.body {
        case .none, .file, .stream, .webSocket: break
        case .text(let text): unsafe connection.sendBody(text.utf8.span.bytes)
        case .bytes(let bytes): unsafe connection.sendBody(bytes.span.bytes)
        }
    }
}

extension Response.Body {
    /// Of what is sent within a call.
    fileprivate var count: Int {
        switch self {
        case .none, .file, .stream, .webSocket: 0
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        }
    }
}

extension Response {
    fileprivate var framing: MessageHead.Framing {
        switch body {
        case .none, .text, .bytes, .webSocket: .length(UInt64(body.count))
        case .file(_, let range): .length(UInt64(range.count))
        case .stream: streamLength.map { .length(UInt64($0)) } ?? .chunked
        }
    }
}
