internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrTransport
internal import IgropyrUV

/// A client's connections on one loop.
actor HTTPClientSide: LoopBound, LoopResident {
    /// How to reach a server.
    private struct Route {
        let kind: HTTPConnectionKind
        let addresses: [SocketAddress]
        /// A resolver does not tell for how long names hold.
        let until: Timestamp
    }

    private static let routeLifetime = Duration.seconds(10)
    private static let routeLimit = 1_024

    nonisolated let loop: EventLoop
    private let settings: HTTPClient.Settings
    private var requester: HTTPRequester?
    private var routes: [ServerURL.Origin: Route] = [:]
    private var kinds: [String: HTTPConnectionKind] = [:]

    init(on loop: EventLoop, _ settings: HTTPClient.Settings) {
        self.loop = loop
        self.settings = settings
    }

    nonisolated func loopWillEnd() { assumeIsolated { $0.close() } }

    private func close() {
        requester?.close()
        requester = nil
    }

    func send(_ request: OutgoingRequest) async throws -> HTTPClientResponse {
        try await reach(request) { requester, message, address, kind in
            let response = try await requester.send(message, to: address, as: kind, bodyLimit: settings.bodyLimit)
            return HTTPClientResponse(response, from: "\(request.url)")
        }
    }

    /// The same with the body as it is written.
    func send(_ request: OutgoingRequest, _ body: HTTPClientUpload) async throws -> HTTPClientResponse {
        defer { body.stream.finish() }
        return try await reach(request, unless: { body.stream.hasBegun }) { requester, message, address, kind in
            let response = try await requester.send(
                message, with: body.stream, to: address, as: kind, bodyLimit: settings.bodyLimit)
            return HTTPClientResponse(response, from: "\(request.url)")
        }
    }

    func openUpload(_ length: Int?) -> HTTPClientUpload {
        HTTPClientUpload(HTTPUploadStream(on: loop, length: length.map(UInt64.init)), of: self)
    }

    func write(_ bytes: [UInt8], to upload: HTTPClientUpload) async throws -> Bool {
        try await upload.stream.write(bytes)
    }

    func end(_ upload: HTTPClientUpload, _ fields: HTTPFields) async throws {
        var trailers = TrailerFields()
        try trailers.append(fields)
        try await upload.stream.end(trailers)
    }

    func fail(_ upload: HTTPClientUpload, _ error: any Error) { upload.stream.fail(error) }

    /// The body of `upload` may be written still when this returns.
    func open(_ request: OutgoingRequest, _ upload: HTTPClientUpload? = nil) async throws -> HTTPStreamedResponse {
        do {
            return try await reach(request, unless: { upload?.stream.hasBegun ?? false }) {
                requester, message, address, kind in
                let (head, body) = try await requester.open(message, with: upload?.stream, to: address, as: kind)
                let pieces = HTTPClientBody(body, of: self, request.url, eventLimit: settings.bodyLimit)
                return HTTPStreamedResponse(head, pieces, from: "\(request.url)")
            }
        } catch {
            upload?.stream.finish()
            throw error
        }
    }

    func read(_ body: HTTPClientBody) async throws -> [UInt8]? {
        do {
            return try await body.stream.read()
        } catch {
            throw HTTPRequestFailure(body.url, error) ?? error
        }
    }

    func trailers(of body: HTTPClientBody) -> HTTPFields { HTTPFields(body.stream.trailers) }

    func end(_ body: HTTPClientBody) { body.stream.cancel() }

    /// Once nobody can read it any more.
    nonisolated func letGo(_ stream: HTTPBodyStream) {
        nonisolated(unsafe) let stream = stream  // Touched on the loop only.
        loop.submit { unsafe stream.cancel() }
    }

    /// Tries the server's addresses, one after the other, unless something was sent that cannot be sent again.
    private func reach<Answer>(
        _ request: OutgoingRequest, unless hasBegun: () -> Bool = { false },
        _ ask: (HTTPRequester, HTTPRequester.Request, SocketAddress, HTTPConnectionKind) async throws -> Answer
    ) async throws -> Answer {
        do {
            let message = try request.message
            let route = try await route(to: request.url, until: request.deadline)
            var unreachable: HTTPClientFailure?
            for address in route.addresses {
                if let deadline = request.deadline, EventLoop.preciseNow >= deadline {
                    throw HTTPClientFailure(.timedOut, mayHaveBeenReceived: false)
                }
                do {
                    return try await ask(openRequester(), message, address, route.kind)
                } catch let failure as HTTPClientFailure where failure.isAboutReaching && !hasBegun() {
                    unreachable = failure
                }
            }
            routes = [:]  // The servers may have moved.
            throw unreachable ?? HTTPClientFailure(.closed, mayHaveBeenReceived: false)
        } catch {
            throw HTTPRequestFailure(request.url, error) ?? error
        }
    }

    private func openRequester() throws(UVError) -> HTTPRequester {
        if let requester { return requester }
        var own = HTTPClientSettings()
        own.connectTimeout = settings.connectTimeout
        own.handshakeTimeout = settings.connectTimeout
        own.responseTimeout = settings.responseTimeout
        own.connectionsPerServer = settings.connectionsPerServer
        let requester = try HTTPRequester(on: loop, settings: own)
        self.requester = requester
        return requester
    }

    private func route(to url: ServerURL, until deadline: Timestamp?) async throws -> Route {
        let origin = url.origin
        if let route = routes[origin], loop.now < route.until { return route }
        let kind = try await kind(for: url)
        let left = deadline.map { max(.zero, EventLoop.preciseNow.duration(to: $0)) } ?? settings.responseTimeout
        let addresses = try await NameResolver.addresses(of: url, within: min(left, settings.responseTimeout))
        let route = Route(kind: kind, addresses: addresses, until: loop.now.advanced(by: Self.routeLifetime))
        if routes.count >= Self.routeLimit { routes = [:] }
        routes[origin] = route
        return route
    }

    /// The same for the same name: connections of another kind would not be used again.
    private func kind(for url: ServerURL) async throws -> HTTPConnectionKind {
        guard url.isEncrypted else { return .plain }
        let name = url.origin.host
        if let kind = kinds[name] { return kind }
        let context = try await ClientTLS.context(settings.authorities, showing: settings.certificate, on: loop)
        if let kind = kinds[name] { return kind }  // Another task was first.
        let kind = HTTPConnectionKind(tls: context, serverName: url.serverName)
        if kinds.count >= Self.routeLimit { kinds = [:] }
        kinds[name] = kind
        return kind
    }
}

extension HTTPClientFailure {
    /// Whether another address may do better.
    fileprivate var isAboutReaching: Bool {
        guard !mayHaveBeenReceived else { return false }
        switch cause {
        case .connection, .timedOut: return true
        case .closed, .malformedResponse, .responseTooLarge, .refused, .exhausted, .cancelled: return false
        }
    }
}
