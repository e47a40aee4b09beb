public import IgropyrHTTP
public import IgropyrUV

/// Makes requests one by one, for programs that wait for the answer; the proxy uses the pool itself.
///
/// It may be used on the loop only: by actors bound to it, and by tasks that prefer it.
public final class HTTPRequester {
    /// What is asked.
    public struct Request: Sendable {
        public var method: HTTPMethod
        /// In origin form, such as `/v1/status?x=y`.
        public var target: String
        public var fields: [(name: String, value: String)]
        public var body: [UInt8]
        /// What it names as its host; nil for what the kind of connection says of the address.
        public var host: String?

        public init(
            _ method: HTTPMethod, _ target: String, fields: [(name: String, value: String)] = [], body: [UInt8] = []
        ) {
            self.method = method
            self.target = target
            self.fields = fields
            self.body = body
        }
    }

    /// What is answered.
    public struct Response: Sendable {
        public var status: Int
        public var fields: [(name: String, value: String)]
        public var body: [UInt8]

        /// The first field of that name, whatever its case.
        public func field(_ name: String) -> String? {
            fields.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    public let pool: HTTPConnectionPool

    /// With `tls`, asks by https. Where certificates prove the servers, they must carry `serverName`, which the requests
    /// then name as their host; or the address that is called if no name is given.
    public init(
        on loop: EventLoop, settings: HTTPClientSettings = HTTPClientSettings(), tls: TLSContext? = nil,
        serverName: String? = nil
    ) throws(UVError) {
        let kind = HTTPConnectionKind(tls: tls, serverName: serverName)
        pool = try HTTPConnectionPool(on: loop, settings: settings, kind: kind)
    }

    /// Asks by connections of that kind.
    public init(
        on loop: EventLoop, settings: HTTPClientSettings = HTTPClientSettings(), kind: HTTPConnectionKind
    ) throws(UVError) {
        pool = try HTTPConnectionPool(on: loop, settings: settings, kind: kind)
    }

    /// Asks and waits for the whole answer.
    ///
    /// It goes by a connection of that kind, in place of the pool's own. Takes up to `bodyLimit` bytes of the answer's
    /// body; more fails with `.responseTooLarge`. `upload` gives the request's body piece by piece and nil at its end, in
    /// place of the request's own; it must add up to `uploadBytes`. `onBody` takes the body of a 2xx answer piece by piece,
    /// in place of the response's own.
    ///
    /// An idempotent request that meets a connection which the server has just closed is made once more on a fresh one.
    ///
    /// Throws ``HTTPClientFailure`` when there is no whole answer, `CancellationError` when the task is cancelled, and
    /// what the two closures throw.
    public func send(
        _ request: Request, to address: SocketAddress, as kind: HTTPConnectionKind? = nil, bodyLimit: Int = 16 << 20,
        uploadBytes: UInt64 = 0, upload: (() throws -> [UInt8]?)? = nil, onBody: ((RawSpan) throws -> Void)? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Response {
        let call = HTTPRequesterCall(bodyLimit: bodyLimit, upload: upload, onBody: onBody)
        return try await perform(call, request, to: address, as: kind, uploadBytes: uploadBytes)
    }

    /// Asks, and waits for the head of the answer. Its body is to be read, or let go by ``HTTPBodyStream/cancel()``.
    public func open(
        _ request: Request, to address: SocketAddress, as kind: HTTPConnectionKind? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> (head: Response, body: HTTPBodyStream) {
        let body = HTTPBodyStream(on: pool.loop)
        let head = try await perform(HTTPRequesterCall(body), request, to: address, as: kind)
        return (head, body)
    }

    private func perform(
        _ call: HTTPRequesterCall, _ request: Request, to address: SocketAddress, as kind: HTTPConnectionKind?,
        uploadBytes: UInt64 = 0, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Response {
        nonisolated(unsafe) let cancelled = call  // Touched on the loop only.
        let loop = pool.loop
        return try await withTaskCancellationHandler {
            _ = isolation  // Without it, this would run on the threads that all tasks share.
            loop.preconditionOnLoop()
            return try await withCheckedThrowingContinuation { continuation in
                call.start(request, to: address, as: kind, uploadBytes: uploadBytes, pool: pool, continuation)
            }
        } onCancel: {
            loop.submit { unsafe cancelled.cancel() }
        }
    }

    /// Idempotent.
    public func close() { pool.close() }
}

/// One request of an ``HTTPRequester`` and its response.
private final class HTTPRequesterCall: HTTPClientExchange {
    private let bodyLimit: Int
    private let upload: (() throws -> [UInt8]?)?
    private let onBody: ((RawSpan) throws -> Void)?
    /// Where the body goes, while the caller has the head already.
    private let stream: HTTPBodyStream?
    private var connection: (any HTTPClientStream)?
    private var host = ""
    private var continuation: CheckedContinuation<HTTPRequester.Response, any Error>?
    private var isCancelled = false
    /// Asks once more on a fresh connection; nil if that was done or may not be.
    private var repetition: (() -> Void)?
    private var response = HTTPRequester.Response(status: 0, fields: [], body: [])

    init(bodyLimit: Int, upload: (() throws -> [UInt8]?)?, onBody: ((RawSpan) throws -> Void)?) {
        self.bodyLimit = bodyLimit
        self.upload = upload
        self.onBody = onBody
        stream = nil
    }

    init(_ stream: HTTPBodyStream) {
        (bodyLimit, upload, onBody) = (0, nil, nil)
        self.stream = stream
    }

    func start(
        _ request: HTTPRequester.Request, to address: SocketAddress, as kind: HTTPConnectionKind?, uploadBytes: UInt64,
        pool: HTTPConnectionPool, _ continuation: CheckedContinuation<HTTPRequester.Response, any Error>
    ) {
        self.continuation = continuation
        guard !isCancelled else { return finish(.failure(CancellationError())) }
        host = request.host ?? (kind ?? pool.kind).host(of: address)
        let attempt = { [self] (isFresh: Bool) in
            pool.stream(to: address, as: kind, isFresh: isFresh) { [self] outcome in
                switch outcome {
                case .failure(let failure): finish(.failure(failure))
                case .success(let connection): send(request, uploadBytes: uploadBytes, on: connection)
                }
            }
        }
        if request.method.isIdempotent, upload == nil { repetition = { attempt(true) } }
        attempt(false)
    }

    private func send(_ request: HTTPRequester.Request, uploadBytes: UInt64, on connection: any HTTPClientStream) {
        guard continuation != nil else { return connection.cancel() }
        self.connection = connection
        connection.begin(self)
        let length = upload == nil ? UInt64(request.body.count) : uploadBytes
        let framing: MessageHead.Framing = length > 0 || request.method.announcesBody ? .length(length) : .none
        var head = HTTPSerializer(capacity: 512)
        do throws(HTTPSerializer.Failure) {
            try head.beginRequest(request.method, target: request.target)
            try head.appendField("Host", host)
            for field in request.fields { try head.appendField(field.name, field.value) }
        } catch {
            return fail(error)
        }
        head.appendFraming(framing)
        head.endHead()
        unsafe connection.sendHead(head.bytes.span.bytes, method: request.method, framing: framing)
        if upload == nil {
            unsafe connection.sendBody(request.body.span.bytes)
            connection.endRequest()
        } else {
            requestDidDrain()
        }
    }

    func requestDidDrain() {
        guard let upload, let connection else { return }
        do {
            while connection.canWrite, self.connection != nil {
                guard let piece = try upload() else { return connection.endRequest() }
                unsafe connection.sendBody(piece.span.bytes)
            }
        } catch {
            fail(error)
        }
    }

    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) {
        guard !head.isInterim else { return }
        response.status = head.status
        head.forEachField(in: bytes) { name, value in
            response.fields.append((bytes.string(in: name), bytes.string(in: value)))
        }
        guard let stream else { return }
        stream.connection = connection
        finish(.success(response))
    }

    func responseBodyDidArrive(_ bytes: RawSpan) {
        if let stream { return stream.take(bytes) }
        do {
            if let onBody, response.status / 100 == 2 { return try onBody(bytes) }
            guard response.body.count + bytes.byteCount <= bodyLimit else {
                throw HTTPClientFailure(.responseTooLarge, mayHaveBeenReceived: true)
            }
            unsafe bytes.withUnsafeBytes { unsafe response.body.append(contentsOf: $0) }
        } catch {
            fail(error)
        }
    }

    func responseDidEnd() {
        connection = nil
        stream?.finish(.success(()))
        finish(.success(response))
    }

    func exchangeDidFail(_ failure: HTTPClientFailure) {
        let wasResting = connection?.isReused == true && response.status == 0
        connection = nil
        // The server may have closed it at the very moment when the request came (RFC 9112 §9.3.1).
        guard wasResting, failure.cause != .timedOut, let repetition else {
            stream?.finish(.failure(failure))
            return finish(.failure(failure))
        }
        self.repetition = nil
        repetition()
    }

    func cancel() {
        isCancelled = true
        fail(CancellationError())
    }

    private func fail(_ error: any Error) {
        connection?.cancel()
        connection = nil
        finish(.failure(error))
    }

    private func finish(_ outcome: Result<HTTPRequester.Response, any Error>) {
        repetition = nil
        continuation?.resume(with: outcome)
        continuation = nil
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
