internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTransport
public import IgropyrUV

extension HTTPClient {
    /// Hands a request on to another server, and gives its response to be handed back; bodies go through both ways as
    /// they come.
    ///
    /// ```swift
    /// for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete] {
    ///     app.on(method, "/old/**", bodyLimit: 1 << 30) { request async throws in
    ///         try await client.forward(request, to: "http://old.internal:3000/v1")
    ///     }
    /// }
    /// ```
    ///
    /// What `**` stands for in the route's pattern follows the path of `url`, or the whole path where the pattern has
    /// none, and then the query, all as they were sent: `/old/books?page=2` is asked for as `/v1/books?page=2`. `Host`
    /// is the other server's. `X-Forwarded-For`, `-Proto` and `-Host` tell it who asks, how, and for whom; what the
    /// client says by them, or others of their family (`X-Forwarded-Prefix`, `X-Real-IP`), goes along only if its
    /// address is one of `trustedProxies`. Redirections are the client's to follow. Trailers go both ways, to a client
    /// that says that it takes them by `TE`. WebSockets are no matter of this: for a route of their own see
    /// ``WebSocket/connect(to:settings:fields:authorities:_:)``.
    /// - Throws: ``HTTPFailure`` 504 if the server is not in time, 503 if no connection to it is free, 501 for a
    ///   request to open a WebSocket, 502 for any other failure; the log says which. ``InvalidSetting``;
    ///   `CancellationError`.
    public func forward(
        _ request: Request, to url: String, trustedProxies: [IPNetwork] = []
    ) async throws -> HTTPStreamedResponse {
        guard !request.asksForWebSocket else {
            let reason = "it asks for a WebSocket, which forward does not pass: give those a route, app.webSocket"
            request.logger.error("a request could not be handed on", metadata: ["reason": "\(reason)"])
            throw HTTPFailure(.notImplemented, "WebSockets are not handed on here.")
        }
        let head = request.fields
        let fields = request.forwardedFields(trusting: trustedProxies)
        do {
            guard let server = ServerURL(url, for: .http) else {
                throw HTTPRequestFailure(url.toldOfURL, .invalidURL)
            }
            guard !server.target.contains("?") else {
                let reason = "give forward a URL without a query, since the client's own follows"
                throw HTTPRequestFailure(server.told, .invalidRequest(reason))
            }
            var outgoing = try self.request(request.method, server.appending(request.rest), fields, [])
            outgoing.takesTrailers = request.takesTrailers
            outgoing.announcedTrailers = head[.trailer]
            return try await open(
                outgoing, sending: request.hasBody ? request.body : nil, length: request.bodyLength, behind: head)
        } catch let failure as HTTPRequestFailure {
            request.logger.error("a request could not be handed on", metadata: ["reason": "\(failure)"])
            throw HTTPFailure(failure.status)
        }
    }
}

extension HTTPRequestFailure {
    /// What a client is told of a server that is asked on its behalf.
    fileprivate var status: HTTPResponse.Status {
        switch cause {
        case .timedOut: .gatewayTimeout
        case .tooManyConnections: .serviceUnavailable
        case .invalidURL, .invalidRequest, .unknownHost, .unreachable, .brokenResponse, .tooLarge, .tooManyRedirects:
            .badGateway
        }
    }
}

extension Request {
    fileprivate var asksForWebSocket: Bool { withBytes { bytes in head.asksForWebSocket(in: bytes) } }

    fileprivate var takesTrailers: Bool { withBytes { bytes in head.takesTrailers(in: bytes) } }

    fileprivate func forwardedFields(trusting proxies: [IPNetwork]) -> HTTPFields {
        let peer = remoteAddress  // Nil for a client that has just gone; the task hears of that by itself.
        let isTrusted = peer.map { proxies.contains($0.host) } ?? false
        var fields = fields.endToEnd
        if !isTrusted { fields = fields.filter { !$0.name.proxied.tellsOfClient } }
        fields[.forwarded] = nil
        if let peer { fields[.forwardedFor] = (fields[.forwardedFor].map { "\($0), " } ?? "") + peer.hostText }
        if fields[.forwardedProto] == nil { fields[.forwardedProto] = isEncrypted ? "https" : "http" }
        if fields[.forwardedHost] == nil { fields[.forwardedHost] = authority }
        fields.append(HTTPField(name: .via, value: "\(protocolVersion.dropFirst("HTTP/".count)) igropyr"))
        if let id { fields[RequestIDs.field] = id }
        return fields
    }
}

extension HTTPFields {
    /// Without those that belong to one connection or frame the message (RFC 9110 §7.6.1).
    var endToEnd: HTTPFields {
        let listed = connectionOptions
        return filter { field in
            let kind = field.name.proxied
            // Whatever is listed: a proxy that passes that on must not have a client hide who it is.
            return !kind.isHopByHop && (kind.tellsOfClient || !listed.contains(field.name.canonicalName))
        }
    }

    /// Of what came behind the body of a message with these fields, what goes behind it again.
    func passedOn(trailers: HTTPFields) -> HTTPFields {
        let listed = connectionOptions
        return trailers.filter { $0.name.proxied.passesAsTrailer && !listed.contains($0.name.canonicalName) }
    }

    private var connectionOptions: Set<String> {
        Set(self[values: .connection].flatMap { $0.split(separator: ",") }.map { $0.trimmedOfSpaces.lowercased() })
    }
}

extension HTTPField.Name {
    /// What a field of that name is to a proxy.
    fileprivate var proxied: ProxiedField {
        let name = Array(rawName.utf8)
        return unsafe ProxiedField(0..<name.count, in: name.span.bytes)
    }

    fileprivate static let via = HTTPField.Name("Via")!
    fileprivate static let forwarded = HTTPField.Name("Forwarded")!
    fileprivate static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    fileprivate static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!
    fileprivate static let forwardedHost = HTTPField.Name("X-Forwarded-Host")!
}
