internal import IgropyrHTTP
internal import IgropyrUV

/// One request of an ``HTTPRequester`` and its response.
final class HTTPRequesterCall: HTTPClientExchange {
    /// Where the response's body goes.
    enum Target {
        /// To the response, up to so many bytes; that of a 2xx to the closure, if there is one.
        case response(limit: Int, ((RawSpan) throws -> Void)?)
        /// To who has the head already.
        case stream(HTTPBodyStream)
    }

    private let requester: HTTPRequester
    private let request: HTTPRequester.Request
    private let address: SocketAddress
    private let kind: HTTPConnectionKind?
    /// In place of the request's own.
    private let upload: HTTPUploadStream?
    private let target: Target

    private var connection: (any HTTPClientStream)?
    private var continuation: CheckedContinuation<HTTPRequester.Response, any Error>?
    private var isCancelled = false
    private var timer: WheelTimer?
    private var hasWaited = false
    /// Whether it may be made once more, on a fresh connection.
    private var isRepeatable: Bool
    private var needsFresh = false
    private var response = HTTPRequester.Response(status: 0, fields: [], body: [])

    init(
        _ request: HTTPRequester.Request, to address: SocketAddress, as kind: HTTPConnectionKind?,
        with upload: HTTPUploadStream?, _ target: Target, of requester: HTTPRequester
    ) {
        self.requester = requester
        self.request = request
        self.address = address
        self.kind = kind
        self.upload = upload
        self.target = target
        isRepeatable = upload == nil && request.method.isIdempotent
    }

    // MARK: Beginning

    func start(_ continuation: CheckedContinuation<HTTPRequester.Response, any Error>) {
        self.continuation = continuation
        guard !isCancelled else { return finish(.failure(CancellationError())) }
        if let deadline = request.deadline {
            timer = WheelTimer(on: requester.pool.wheel) { [weak self] in self?.expire() }
            timer?.arm(at: deadline)
        }
        upload?.begin { [weak self] error in self?.fail(error) }
        if isWanted { connect() }
    }

    /// Whether somebody still waits for it.
    var isWanted: Bool { continuation != nil }

    /// Asks for a connection; again, once one may have become free.
    func connect() {
        requester.pool.stream(to: address, as: kind, isFresh: needsFresh) { [self] outcome in
            switch outcome {
            case .success(let connection): send(on: connection)
            case .failure(let failure) where failure.cause == .exhausted && isWanted:
                guard requester.wait(self, for: address, isFirst: hasWaited) else {
                    letGo()
                    return finish(.failure(failure))
                }
                hasWaited = true
            case .failure(let failure):
                finish(.failure(failure))
                leave()
            }
        }
    }

    private func send(on connection: any HTTPClientStream) {
        guard isWanted else {
            connection.cancel()
            return leave()
        }
        self.connection = connection
        connection.begin(self)
        let framing = framing
        var head = HTTPSerializer(capacity: 512)
        do throws(HTTPSerializer.Failure) {
            try head.beginRequest(request.method, target: request.target)
            try head.appendField("Host", request.host ?? (kind ?? requester.pool.kind).host(of: address))
            for field in request.fields { try head.appendField(field.name, field.value) }
        } catch {
            return fail(error)
        }
        head.appendFraming(framing)
        head.endHead()
        unsafe connection.sendHead(head.bytes.span.bytes, method: request.method, framing: framing)
        if let upload { return upload.attach(connection) }
        let body = request.body
        unsafe connection.sendBody(body.span.bytes)
        connection.endRequest()
    }

    private var framing: MessageHead.Framing {
        let length = if let upload { upload.length } else { UInt64?(UInt64(request.body.count)) }
        guard let length else { return .chunked }
        return length > 0 || request.method.announcesBody ? .length(length) : .none
    }

    // MARK: The connection's word

    func requestDidDrain() { upload?.drain() }

    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) {
        guard !head.isInterim else { return }
        response.status = head.status
        head.forEachField(in: bytes) { name, value in
            response.fields.append((bytes.string(in: name), bytes.string(in: value)))
        }
        guard case .stream(let body) = target else { return }
        body.begin(connection) { [self] in leave() }
        finish(.success(response))
    }

    func responseBodyDidArrive(_ bytes: RawSpan) {
        switch target {
        case .stream(let body): body.take(bytes)
        case .response(let limit, let onBody):
            do {
                if let onBody, response.status / 100 == 2 { return try onBody(bytes) }
                guard response.body.count + bytes.byteCount <= limit else {
                    throw HTTPClientFailure(.responseTooLarge, mayHaveBeenReceived: true)
                }
                unsafe bytes.withUnsafeBytes { unsafe response.body.append(contentsOf: $0) }
            } catch {
                fail(error)
            }
        }
    }

    func responseTrailersDidArrive(_ lines: RawSpan) {
        if case .stream(let body) = target { body.takeTrailers(lines) }
    }

    func responseDidEnd() {
        if case .stream(let body) = target { body.finish(.success(())) }
        finish(.success(response))
        leave()
    }

    func exchangeDidFail(_ failure: HTTPClientFailure) {
        let wasResting = connection?.isReused == true && response.status == 0
        // The server may have closed it at the very moment when the request came (RFC 9112 §9.3.1).
        if wasResting, failure.cause != .timedOut, isRepeatable {
            isRepeatable = false
            needsFresh = true
            connection = nil
            return connect()
        }
        if case .stream(let body) = target { body.finish(.failure(failure)) }
        finish(.failure(failure))
        leave()
    }

    // MARK: End

    func cancel() {
        isCancelled = true
        fail(CancellationError())
    }

    private func expire() { fail(HTTPClientFailure(.timedOut, mayHaveBeenReceived: connection != nil)) }

    func give(up cause: HTTPClientFailure.Cause) {
        fail(HTTPClientFailure(cause, mayHaveBeenReceived: false))
    }

    private func fail(_ error: any Error) {
        connection?.cancel()
        if case .stream(let body) = target {
            body.finish(.failure(HTTPClientFailure(.cancelled, mayHaveBeenReceived: true)))
        }
        finish(.failure(error))
        leave()
    }

    private func finish(_ outcome: Result<HTTPRequester.Response, any Error>) {
        isRepeatable = false
        timer?.invalidate()
        timer = nil
        continuation?.resume(with: outcome)
        continuation = nil
    }

    /// Its connection is another's, or closed.
    private func leave() {
        letGo()
        requester.connectionMayBeFree(at: address)
    }

    private func letGo() {
        connection = nil
        guard let upload else { return }
        response.status == 0 ? upload.detach() : upload.finish()  // An answered request is not made again.
    }
}

extension HTTPMethod {
    /// Whether a request without a body should say so (RFC 9110 §8.6).
    fileprivate var announcesBody: Bool {
        switch self {
        case .post, .put, .patch: true
        case .get, .head, .delete, .connect, .options, .trace, .other: false
        }
    }
}
