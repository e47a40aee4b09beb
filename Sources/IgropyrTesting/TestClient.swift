public import HTTPTypes
public import Igropyr
internal import IgropyrHTTP
internal import IgropyrTransport
internal import IgropyrUV

/// Asks an application that is being tested; may be used from anywhere, and by several tasks at once. Keeps no cookies.
///
/// A response is given when it is whole, with 16 MiB at most: what streams without an end is for a client of the test's
/// own. A request fails after half a minute in which the application makes no progress with it.
public struct TestClient: HTTPRequesting {
    /// Where the application serves, as `127.0.0.1:40123`.
    public let address: String
    private let side: ClientSide
    private let thread: EventLoopThread
    private let isEncrypted: Bool

    init(_ address: SocketAddress, isEncrypted: Bool) throws {
        self.address = "\(address)"
        self.isEncrypted = isEncrypted
        thread = try EventLoopThread(name: "igropyr-test")
        side = ClientSide(address, on: thread.loop, isEncrypted: isEncrypted)
    }

    func close() async throws {
        await side.close()
        try await thread.stop()
    }

    /// `target` is a path, maybe with a query, both as they go over the wire: escaped.
    /// - Throws: what kept the response from coming whole; `CancellationError`.
    public func send(
        _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields, body: [UInt8]
    ) async throws -> HTTPClientResponse {
        var request = HTTPRequester.Request(HTTPMethod(method.rawValue), target, body: body)
        request.fields = fields.map { ($0.name.rawName, $0.value) }
        return HTTPClientResponse(
            try await side.send(request), from: "\(isEncrypted ? "https" : "http")://\(address)\(target)")
    }

    /// Opens a WebSocket, and closes it when `body` has returned or thrown. By TLS only if this machine believes the
    /// application's certificate.
    /// - Throws: ``WebSocketFailure`` when none can be opened; what `body` throws.
    public func webSocket<Result>(
        _ target: String, settings: WebSocketSettings = WebSocketSettings(), fields: HTTPFields = [:],
        _ body: (WebSocket) async throws -> Result
    ) async throws -> Result {
        let scheme = isEncrypted ? "wss" : "ws"
        return try await WebSocket.connect(
            to: "\(scheme)://\(address)\(target)", settings: settings, fields: fields, body)
    }
}

/// The client's connections, on its loop.
private actor ClientSide: LoopBound {
    nonisolated let loop: EventLoop
    private let address: SocketAddress
    private let isEncrypted: Bool
    private var client: HTTPRequester?

    init(_ address: SocketAddress, on loop: EventLoop, isEncrypted: Bool) {
        self.address = address
        self.loop = loop
        self.isEncrypted = isEncrypted
    }

    func send(_ request: HTTPRequester.Request) async throws -> HTTPRequester.Response {
        try await openClient().send(request, to: address)
    }

    private func openClient() throws -> HTTPRequester {
        if let client { return client }
        var settings = HTTPClientSettings()
        (settings.connectTimeout, settings.handshakeTimeout) = (.seconds(10), .seconds(10))  // Tests share a machine.
        let client = try HTTPRequester(
            on: loop, settings: settings, tls: isEncrypted ? try TLSContext.client(trusting: .unverified) : nil)
        self.client = client
        return client
    }

    func close() {
        client?.close()
        client = nil
    }
}
