public import IgropyrTransport
internal import HTTPTypes
internal import IgropyrHTTP

extension RouteBuilder {
    /// Opens a WebSocket for each client that asks for one (RFC 6455; in HTTP/2, RFC 8441).
    ///
    /// ```swift
    /// app.webSocket("/echo") { request, socket in
    ///     for try await message in socket.messages { try await socket.send(message) }
    /// }
    /// ```
    ///
    /// The middleware around the route runs before, and may refuse the request. `handler` runs in a task on the
    /// connection's loop. When it returns, the WebSocket is closed; when it throws, with 1011, and the log says why.
    /// The task is cancelled when the connection breaks, and when the WebSocket is closed while nobody reads. When the
    /// server stops, the WebSocket is closed with 1001: `messages` ends, and the handler has
    /// ``App/Configuration/drainTimeout`` to follow.
    ///
    /// A page of another host is refused unless `settings` allow its ``WebSocketSettings/origins``.
    public func webSocket(
        _ pattern: String, settings: WebSocketSettings = WebSocketSettings(),
        _ handler: @escaping @Sendable (Request, WebSocket) async throws -> Void
    ) {
        do throws(InvalidSetting) {
            try settings.check(for: pattern)
        } catch {
            noteMistake(error)
        }
        let action = Route.Action.task { request in
            let handshake = try request.webSocketHandshake(settings)
            let opening = WebSocketOpening(handshake, settings) { socket in try await handler(request, socket) }
            return Response(.switchingProtocols, nil, .webSocket(opening))
        }
        add(Route(HTTPMethod.get, action), at: pattern)
        add(Route(HTTPMethod.connect, action), at: pattern)  // In HTTP/2.
    }
}

extension WebSocketSettings {
    /// `place` is where they are for: a pattern or a URL.
    func check(for place: String) throws(InvalidSetting) {
        let bounds = [
            ("messageBytes", messageBytes, 1), ("heldBytes", heldBytes, 0),
            ("minimumCompressedBytes", minimumCompressedBytes, 0),
        ]
        for (name, bound, least) in bounds {
            try InvalidSetting.require("\(name) of \(place)", bound, bound >= least, "\(least) or more")
        }
        let times = [
            ("pingInterval", pingInterval ?? .seconds(1)), ("openTimeout", openTimeout), ("closeTimeout", closeTimeout),
        ]
        for (name, time) in times {
            try InvalidSetting.require("\(name) of \(place)", time, time > .zero, "more than 0")
        }
    }
}

/// A WebSocket that a handler has agreed to. By reference: every response has room for one.
final class WebSocketOpening {
    let handshake: WebSocketHandshake
    let settings: WebSocketSettings
    let handler: (WebSocket) async throws -> Void

    init(
        _ handshake: WebSocketHandshake, _ settings: WebSocketSettings,
        _ handler: @escaping (WebSocket) async throws -> Void
    ) {
        self.handshake = handshake
        self.settings = settings
        self.handler = handler
    }
}

extension Request {
    fileprivate func webSocketHandshake(_ settings: WebSocketSettings) throws(HTTPFailure) -> WebSocketHandshake {
        do throws(WebSocketHandshake.Refusal) {
            return try withBytes { bytes throws(WebSocketHandshake.Refusal) in
                try WebSocketHandshake(head, bytes, settings)
            }
        } catch {
            throw HTTPFailure(refusing: error)
        }
    }
}

extension HTTPFailure {
    fileprivate init(refusing refusal: WebSocketHandshake.Refusal) {
        switch refusal {
        case .upgradeRequired:
            self.init(.upgradeRequired, "Here is a WebSocket and nothing else.", fields: [.upgrade: "websocket"])
        case .unsupportedVersion:
            self.init(
                .upgradeRequired, "WebSocket is spoken in version 13.",
                fields: [.upgrade: "websocket", .secWebSocketVersion: "13"])
        case .invalidKey: self.init(.badRequest, "Sec-WebSocket-Key must be there once, with 16 bytes in base64.")
        case .hasBody: self.init(.badRequest, "A request for a WebSocket has no body.")
        case .foreignOrigin: self.init(.forbidden, "Pages of that origin may open no WebSocket here.")
        }
    }
}
