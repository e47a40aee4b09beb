internal import IgropyrHTTP
public import IgropyrUV

/// Opens WebSockets to servers (RFC 6455 §4.1), in HTTP/1.1.
public enum WebSocketClient {
    /// What is asked.
    public struct Request: Sendable {
        /// In origin form.
        public var target: String
        /// Further ones; those of the handshake are added.
        public var fields: [(name: String, value: String)]

        public init(target: String, fields: [(name: String, value: String)] = []) {
            self.target = target
            self.fields = fields
        }
    }

    /// Why there is no WebSocket.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case connection(HTTPClientFailure)
        /// The server answered otherwise, with this status.
        case refused(status: Int)
        /// The server's answer breaks the rules of the handshake, or agrees to what was not offered.
        case invalidAnswer
        /// A field cannot be sent.
        case invalidRequest

        public var description: String {
            switch self {
            case .connection(let failure): failure.description
            case .refused(let status): "the server opens no WebSocket here: it answered \(status)"
            case .invalidAnswer: "the server's answer is no WebSocket handshake"
            case .invalidRequest: "the request has a target or a field that cannot be sent"
            }
        }
    }

    /// A WebSocket that is open.
    public struct Opened {
        public let connection: WebSocketConnection
        /// The one of those offered that the server chose.
        public let subprotocol: String?
    }

    /// Opens a connection of `pool` and asks for a WebSocket; calls `onReady` once. What the server sends after its
    /// answer is not looked at before `onReady` has returned: set ``WebSocketConnection/onEvent`` there.
    public static func open(
        _ request: Request, to address: SocketAddress, pool: HTTPConnectionPool, settings: WebSocketSettings,
        onReady: @escaping (Result<Opened, Failure>) -> Void
    ) {
        pool.connection(to: address, isFresh: true) { outcome in
            switch outcome {
            case .failure(let failure): onReady(.failure(.connection(failure)))
            case .success(let connection):
                WebSocketClientExchange(on: connection, settings, onReady).start(request)
            }
        }
    }
}

/// A client's connection, first with the handshake, then as the WebSocket's tunnel.
private final class WebSocketClientExchange: HTTPClientExchange, WebSocketTunnel {
    private let connection: HTTPClientConnection
    private let settings: WebSocketSettings
    private let key = WebSocketKey.make()
    private var onReady: ((Result<WebSocketClient.Opened, WebSocketClient.Failure>) -> Void)?
    private var webSocket: WebSocketConnection?

    init(
        on connection: HTTPClientConnection, _ settings: WebSocketSettings,
        _ onReady: @escaping (Result<WebSocketClient.Opened, WebSocketClient.Failure>) -> Void
    ) {
        self.connection = connection
        self.settings = settings
        self.onReady = onReady
    }

    func start(_ request: WebSocketClient.Request) {
        connection.begin(self)
        var head = HTTPSerializer()
        do throws(HTTPSerializer.Failure) {
            try head.beginRequest(.get, target: request.target)
            try head.appendField("Host", connection.kind.host(of: connection.server.address))
            for field in request.fields + handshakeFields { try head.appendField(field.name, field.value) }
        } catch { return fail(.invalidRequest) }
        head.endHead()
        unsafe connection.sendHead(head.bytes.span.bytes, method: .get, framing: .none)
    }

    private var handshakeFields: [(name: String, value: String)] {
        var fields = [
            (name: "Upgrade", value: "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
        ]
        if settings.allowsCompression { fields.append(("Sec-WebSocket-Extensions", WebSocketDeflate.offer)) }
        if !settings.subprotocols.isEmpty {
            fields.append(("Sec-WebSocket-Protocol", settings.subprotocols.joined(separator: ", ")))
        }
        return fields
    }

    // MARK: Handshake

    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) {
        guard onReady != nil, !head.isInterim else { return }
        guard head.status == 101 else { return fail(.refused(status: head.status)) }
        func value(_ name: String) -> String? { head.value(of: name, in: bytes).map { bytes.string(in: $0) } }
        let answer = value("sec-websocket-extensions")
        let deflate = answer.flatMap { WebSocketDeflate(answer: $0) }
        let subprotocol = value("sec-websocket-protocol")
        guard head.upgrade.map({ bytes.matches("websocket", in: $0) }) ?? false,
            value("sec-websocket-accept") == WebSocketKey.answer(to: key),
            answer == nil || settings.allowsCompression && deflate != nil,
            subprotocol.map({ settings.subprotocols.contains($0) }) ?? true
        else { return fail(.invalidAnswer) }
        connection.beginTunnel()
        let webSocket = WebSocketConnection(
            on: self, as: .client, settings: settings, deflate: deflate, wheel: connection.pool.wheel)
        self.webSocket = webSocket
        finish(.success(WebSocketClient.Opened(connection: webSocket, subprotocol: subprotocol)))
    }

    private func fail(_ failure: WebSocketClient.Failure) {
        connection.cancel()
        finish(.failure(failure))
    }

    private func finish(_ outcome: Result<WebSocketClient.Opened, WebSocketClient.Failure>) {
        let onReady = onReady
        self.onReady = nil
        onReady?(outcome)
    }

    // MARK: Tunnel

    func responseBodyDidArrive(_ bytes: RawSpan) { webSocket?.receive(bytes) }

    func responseDidEnd() { webSocket?.tunnelDidEnd() }

    func requestDidDrain() { webSocket?.tunnelDidDrain() }

    func exchangeDidFail(_ failure: HTTPClientFailure) {
        finish(.failure(.connection(failure)))
        webSocket?.tunnelDidAbort()
    }

    var loop: EventLoop { connection.loop }
    var canWrite: Bool { connection.canWrite }
    func write(_ bytes: RawSpan) { connection.sendBody(bytes) }
    func pauseReading() { connection.pauseResponse() }
    func resumeReading() { connection.resumeResponse() }
    func endWriting() { connection.endRequest() }
    func abort() { connection.cancel() }
}
