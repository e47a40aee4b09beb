public import HTTPTypes
internal import IgropyrTime
public import IgropyrTransport
internal import IgropyrUV

/// Asks servers by HTTP/1.1, with TLS or without; may be used from anywhere, and by several tasks at once. Make one and
/// keep it, or use ``shared``: its connections are kept for the next requests.
///
/// ```swift
/// let user = try await HTTPClient.shared.get("https://api.example.org/users/7").decode(User.self)
/// ```
///
/// A handler's requests never leave its loop; all others go by one that all clients of the process share. Cancelling
/// the task ends the request. A request that may be repeated (RFC 9110 §9.2.2) and meets a connection that the server
/// has just closed is made once more. The trace that a task stands in goes along.
public final class HTTPClient: HTTPRequesting {
    /// With the default settings.
    public static let shared = HTTPClient()

    /// What bounds a client, and whom it trusts.
    public struct Settings: Sendable {
        /// How long it may take to reach each of a server's addresses, one after the other; for TLS the same once more.
        public var connectTimeout = Duration.seconds(5)
        /// How long a server may make no progress with a response, and the system's resolver may look for its name.
        public var responseTimeout = Duration.seconds(30)
        /// How long a request may take altogether, connections, redirections and the response's body included; nil for
        /// ever, as long as there is progress. Of those whose response's body is read as it comes until its head is
        /// there.
        public var timeLimit: Duration?
        /// Of a response's body, or of each event of ``HTTPStreamedResponse/events``; what is larger is an error. At
        /// most 1 GiB.
        public var bodyLimit = 16 << 20
        /// How many redirections are followed, from 0 to 100; with 0 they are responses like others. From `https` none
        /// is followed to `http`, and to another server neither `Authorization` nor `Cookie` goes along.
        public var redirects = 5
        /// To one server, of one loop. Further requests, up to 1024, wait until one is free, and fail if none is for
        /// the time of ``responseTimeout``.
        public var connectionsPerServer = 256
        /// Certificates must be vouched for by one of those in this PEM file; nil for an authority that this machine
        /// trusts.
        public var authorities: String?
        /// What is shown to servers that ask for a certificate.
        public var certificate: TLSConfiguration.Certificate?

        public init() {}
    }

    private let settings: Settings
    private let sides: LoopLocal<HTTPClientSide>

    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        sides = LoopLocal {
            guard let loop = EventLoop.current else { preconditionFailure("made on a loop") }
            return HTTPClientSide(on: loop, settings)
        }
    }

    /// Asks, and waits for the whole response, whatever its status. The URL is `http://…` or `https://…`, escaped.
    ///
    /// Of `fields`, those that frame the message or concern the connection (`Content-Length`, `Transfer-Encoding`,
    /// `Connection`, …) are left out, for they are the client's own.
    /// - Throws: ``HTTPRequestFailure`` if there is no whole response; ``InvalidSetting``; `CancellationError`.
    public func send(
        _ method: HTTPRequest.Method, _ url: String, fields: HTTPFields, body: [UInt8]
    ) async throws -> HTTPClientResponse {
        try await send(try request(method, url, fields, body), following: settings.redirects)
    }

    private func send(_ first: OutgoingRequest, following redirects: Int) async throws -> HTTPClientResponse {
        var request = first
        for _ in 0...redirects {
            let response = try await side().send(request)
            guard let next = redirection(of: request, response.status, response.fields) else { return response }
            request = next
        }
        throw HTTPRequestFailure(request.url.told, .tooManyRedirects)
    }

    /// Asks with a body that is sent as it comes, at the server's pace, and is nowhere whole: an upload, or what a
    /// handler is being sent itself.
    ///
    /// ```swift
    /// app.post("/pictures", bodyLimit: 1 << 30) { request async throws in
    ///     try await client.send(.put, "https://files.internal/new", body: request.body).status
    /// }
    /// ```
    ///
    /// `length` is what the pieces add up to, in bytes, for servers that want to know it before. Without, the body goes
    /// in chunks. A sequence that gives nothing for ``Settings/responseTimeout`` ends the request. That, and a response
    /// that comes before the end of the body, ends the sending with the next piece. What was sent cannot be sent again:
    /// neither after a redirection that asks for it (307, 308), which is a response like others then, nor by a
    /// connection that the server has just closed.
    /// - Throws: ``HTTPRequestFailure`` if there is no whole response, or the pieces do not add up to `length`;
    ///   ``InvalidSetting``; `CancellationError`; what `body` throws, which ends the request.
    public func send<Pieces: AsyncSequence>(
        _ method: HTTPRequest.Method, _ url: String, fields: HTTPFields = [:], body: Pieces, length: Int? = nil
    ) async throws -> HTTPClientResponse where Pieces.Element == [UInt8] {
        let request = try request(method, url, fields, [])
        if let length, length < 0 {
            throw HTTPRequestFailure(request.url.told, .invalidRequest("its length is \(length)"))
        }
        let side = try await side()
        let upload = await side.openUpload(length)
        async let answer = side.send(request, upload)
        try await upload.send(body, length, to: request.url)
        let response = try await answer
        let next = redirection(of: request, response.status, response.fields)
        guard let next, next.method != request.method else { return response }
        return try await send(next, following: settings.redirects - 1)
    }

    /// Asks, and gives the response to `use` as soon as its head is there: its body comes piece by piece, and is
    /// bounded by nothing. What `use` leaves of it stays with the server.
    ///
    /// ```swift
    /// try await HTTPClient.shared.stream(.get, "https://example.org/events") { response in
    ///     for try await piece in response.body { print(piece.count) }
    /// }
    /// ```
    /// - Throws: as ``send(_:_:fields:body:)``, also while the body is read; what `use` throws.
    public func stream<Result>(
        _ method: HTTPRequest.Method, _ url: String, fields: HTTPFields = [:], body: [UInt8] = [],
        _ use: (HTTPStreamedResponse) async throws -> Result
    ) async throws -> Result {
        let response = try await open(method, url, fields: fields, body: body)
        let side = try await side()
        let result: Result
        do {
            result = try await use(response)
        } catch {
            await side.end(response.body)
            throw error
        }
        await side.end(response.body)
        return result
    }

    /// Asks, and gives the response as soon as its head is there, for a handler to hand on:
    ///
    /// ```swift
    /// app.get("/logo") { _ async throws in try await client.open(.get, "https://files.internal/logo.svg") }
    /// ```
    ///
    /// Its connection is its own until the body was read, or nobody can read it any more. See
    /// ``stream(_:_:fields:body:_:)`` for a response that is used up in one place, and
    /// ``forward(_:to:trustedProxies:)`` for one to a request that is handed on, too.
    /// - Throws: as ``send(_:_:fields:body:)``, also while the body is read.
    public func open(
        _ method: HTTPRequest.Method, _ url: String, fields: HTTPFields = [:], body: [UInt8] = []
    ) async throws -> HTTPStreamedResponse {
        try await open(try request(method, url, fields, body))
    }

    private func open(_ first: OutgoingRequest) async throws -> HTTPStreamedResponse {
        var request = first
        for _ in 0...settings.redirects {
            let side = try await side()
            let response = try await side.open(request)
            guard let next = redirection(of: request, response.status, response.fields) else { return response }
            await side.end(response.body)
            request = next
        }
        throw HTTPRequestFailure(request.url.told, .tooManyRedirects)
    }

    /// Once only, wherever the response may lead. The task that sends `body`, of a request with the fields `head`, ends
    /// with that, with the response, or when the client that sends it has gone.
    func open(
        _ request: OutgoingRequest, sending body: RequestBody?, length: Int?, behind head: HTTPFields
    ) async throws -> HTTPStreamedResponse {
        let side = try await side()
        guard let body else { return try await side.open(request) }
        let upload = await side.openUpload(length)
        nonisolated(unsafe) let pieces = body  // Read on this thread.
        Task(executorPreference: side.loop) {
            do {
                try unsafe await upload.send(pieces, length, to: request.url) {
                    unsafe head.passedOn(trailers: pieces.trailers)
                }
            } catch {
                await side.fail(upload, error)
            }
        }
        return try await side.open(request, upload)
    }

    private func request(
        _ method: HTTPRequest.Method, _ url: String, _ fields: HTTPFields, _ body: [UInt8]
    ) throws -> OutgoingRequest {
        guard let parts = ServerURL(url, for: .http) else {
            throw HTTPRequestFailure(url.toldOfURL, .invalidURL)
        }
        return try request(method, parts, fields, body)
    }

    func request(
        _ method: HTTPRequest.Method, _ url: ServerURL, _ fields: HTTPFields, _ body: [UInt8]
    ) throws -> OutgoingRequest {
        try settings.check()
        let deadline = settings.timeLimit.map { EventLoop.preciseNow.advanced(by: $0) }
        return OutgoingRequest(method, url, fields, body, until: deadline)
    }

    private func redirection(
        of request: OutgoingRequest, _ status: HTTPResponse.Status, _ fields: HTTPFields
    ) -> OutgoingRequest? {
        settings.redirects > 0 ? request.redirected(by: status, fields) : nil
    }

    private func side() async throws -> HTTPClientSide {
        let loop = try SharedLoop.current()
        if EventLoop.current === loop { return sides.value(on: loop) }
        return await withCheckedContinuation { continuation in
            loop.submit { [sides] in continuation.resume(returning: sides.value(on: loop)) }
        }
    }
}

extension HTTPClient.Settings {
    func check() throws(InvalidSetting) {
        try InvalidSetting.require("connectTimeout", connectTimeout, connectTimeout > .zero, "more than 0")
        try InvalidSetting.require("responseTimeout", responseTimeout, responseTimeout > .zero, "more than 0")
        if let timeLimit {
            try InvalidSetting.require("timeLimit", timeLimit, timeLimit > .zero, "more than 0")
        }
        try InvalidSetting.require("bodyLimit", bodyLimit, 0...(1 << 30) ~= bodyLimit, "0 to 1073741824")
        try InvalidSetting.require("redirects", redirects, 0...100 ~= redirects, "0 to 100")
        try InvalidSetting.require(
            "connectionsPerServer", connectionsPerServer, connectionsPerServer > 0, "1 or more")
    }
}
