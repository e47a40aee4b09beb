public import IgropyrHTTP
public import IgropyrTime
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
        /// When it fails with `.timedOut` unless its response is there: whole, or of
        /// ``HTTPRequester/open(_:to:as:isolation:)`` the head.
        public var deadline: Timestamp?

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
    /// Of those servers to which there may be no more connections.
    private var waiting: [SocketAddress: WaitingRequests] = [:]

    /// With `tls`, asks by https. Where certificates prove the servers, they must carry `serverName`, which the
    /// requests then name as their host; or the address that is called if no name is given.
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
    /// body; more fails with `.responseTooLarge`. `onBody` takes the body of a 2xx answer piece by piece, in place of
    /// the response's own.
    ///
    /// An idempotent request that meets a connection which the server has just closed is made once more on a fresh one.
    /// One for which there is no connection waits for it, as long as others become free within the `responseTimeout`,
    /// and no more than ``HTTPClientSettings/waitingRequests`` do.
    ///
    /// Throws ``HTTPClientFailure`` when there is no whole answer, `CancellationError` when the task is cancelled, and
    /// what `onBody` throws.
    public func send(
        _ request: Request, to address: SocketAddress, as kind: HTTPConnectionKind? = nil, bodyLimit: Int = 16 << 20,
        onBody: ((RawSpan) throws -> Void)? = nil, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Response {
        try await perform(request, to: address, as: kind, with: nil, .response(limit: bodyLimit, onBody))
    }

    /// The same with a body that somebody writes meanwhile, in place of the request's own. A response that is whole
    /// before the body is over is given at once.
    public func send(
        _ request: Request, with body: HTTPUploadStream, to address: SocketAddress, as kind: HTTPConnectionKind? = nil,
        bodyLimit: Int = 16 << 20, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Response {
        try await perform(request, to: address, as: kind, with: body, .response(limit: bodyLimit, nil))
    }

    /// Asks, and waits for the head of the answer. Its body is to be read, or let go by ``HTTPBodyStream/cancel()``.
    /// `upload` may be written still then; it is finished with the answer's body.
    public func open(
        _ request: Request, with upload: HTTPUploadStream? = nil, to address: SocketAddress,
        as kind: HTTPConnectionKind? = nil, isolation: isolated (any Actor)? = #isolation
    ) async throws -> (head: Response, body: HTTPBodyStream) {
        let body = HTTPBodyStream(on: pool.loop)
        let head = try await perform(request, to: address, as: kind, with: upload, .stream(body))
        return (head, body)
    }

    private func perform(
        _ request: Request, to address: SocketAddress, as kind: HTTPConnectionKind?,
        with body: HTTPUploadStream?, _ target: HTTPRequesterCall.Target,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Response {
        let call = HTTPRequesterCall(request, to: address, as: kind, with: body, target, of: self)
        nonisolated(unsafe) let cancelled = call  // Touched on the loop only.
        let loop = pool.loop
        return try await withTaskCancellationHandler {
            _ = isolation  // Without it, this would run on the threads that all tasks share.
            loop.preconditionOnLoop()
            return try await withCheckedThrowingContinuation { continuation in call.start(continuation) }
        } onCancel: {
            loop.submit { unsafe cancelled.cancel() }
        }
    }

    /// Idempotent.
    public func close() {
        for requests in waiting.values { requests.end(.cancelled) }
        pool.close()
    }

    /// All connections that there may be are in use.
    /// - Returns: false if too many wait already.
    func wait(_ request: HTTPRequesterCall, for address: SocketAddress, isFirst: Bool) -> Bool {
        let requests = waiting[address] ?? makeQueue(for: address)
        waiting[address] = requests
        return requests.add(request, isFirst: isFirst)
    }

    private func makeQueue(for address: SocketAddress) -> WaitingRequests {
        let settings = pool.settings
        return WaitingRequests(
            on: pool.wheel, limit: settings.waitingRequests, patience: settings.responseTimeout
        ) { [weak self] in self?.waiting[address] = nil }
    }

    /// Has the next one try, once what goes on now is through.
    func connectionMayBeFree(at address: SocketAddress) {
        guard waiting[address] != nil else { return }
        pool.loop.submitLocally { [self] in
            guard let requests = waiting[address] else { return }
            let request = requests.next()
            if requests.isEmpty { waiting[address] = nil }
            request?.connect()
        }
    }
}
