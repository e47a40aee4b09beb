public import HTTPTypes
public import IgropyrTransport
internal import IgropyrUV

extension WebSocket {
    /// Opens a WebSocket to a server, and closes it when `body` has returned or thrown.
    ///
    /// ```swift
    /// try await WebSocket.connect(to: "wss://example.org/echo") { socket in
    ///     try await socket.send("Hello")
    ///     print(try await socket.receive() ?? "closed")
    /// }
    /// ```
    ///
    /// It lives on the loop of the handler that calls this, elsewhere on one that all clients of the process share.
    /// Certificates must be good for the URL's host and vouched for by an authority that this machine trusts, or by one
    /// of those in the PEM file `authorities`, if that is given. `fields` go with the request.
    /// - Throws: ``WebSocketFailure`` when none can be opened; ``InvalidSetting``; what `body` throws.
    public static func connect<Result>(
        to url: String, settings: WebSocketSettings = WebSocketSettings(), fields: HTTPFields = [:],
        authorities: String? = nil, _ body: (WebSocket) async throws -> Result
    ) async throws -> Result {
        guard let parts = ServerURL(url, for: .webSocket) else {
            throw WebSocketFailure(
                url: url.toldOfURL, status: nil,
                reason: "give a URL such as wss://example.org/path, without a fragment, and a name and password by the "
                    + "field Authorization")
        }
        try settings.check(for: parts.told)
        let client: WebSocketClientSide
        let socket: WebSocket
        do {
            client = WebSocketClientSide(on: try SharedLoop.current())
            socket = try await client.open(parts, settings, fields, authorities: authorities)
        } catch {
            throw WebSocketFailure(parts.told, error) ?? error
        }
        let result: Result
        do {
            result = try await body(socket)
        } catch {
            await client.end(socket, .goingAway)
            throw error
        }
        await client.end(socket, .normal)
        return result
    }
}

/// Why no WebSocket could be opened.
public struct WebSocketFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Without its query, which may hold a secret: failures go to logs.
    public let url: String
    /// What the server answered instead; nil if that is not why.
    public let status: Int?
    public let reason: String

    public var description: String { "cannot open a WebSocket to \(url): \(reason)" }

    init(url: String, status: Int?, reason: String) {
        self.url = url
        self.status = status
        self.reason = reason
    }

    /// Nil if it says nothing about that.
    fileprivate init?(_ url: String, _ error: any Error) {
        switch error {
        case WebSocketClient.Failure.refused(let status):
            self.init(url: url, status: status, reason: "the server opens none here, it answered \(status)")
        case let failure as WebSocketClient.Failure: self.init(url: url, status: nil, reason: failure.description)
        case let error as UVError: self.init(url: url, status: nil, reason: error.description)
        case let error as TLSError: self.init(url: url, status: nil, reason: error.description)
        default: return nil
        }
    }
}
