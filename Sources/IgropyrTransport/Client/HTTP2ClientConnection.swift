internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// A connection to a server in HTTP/2: many requests at a time, each a ``HTTP2ClientStream``.
final class HTTP2ClientConnection: HTTP2Connection {
    private enum State {
        case open
        /// Takes no further requests, and closes after those under way.
        case retired
        case closed
    }

    let server: ServerConnections
    let kind: HTTPConnectionKind
    /// For whom it was opened, where a PROXY header told the server so.
    let client: ProxyHeader
    let pool: HTTPConnectionPool
    let settings: HTTP2Settings
    private var state = State.open
    private var responseHead: HTTP2ResponseHead
    /// Streams that somebody has, begun or not.
    private var places = 0
    /// Those of them whose server may send further ahead.
    private var wideStreams = 0
    private var isReused = false
    /// Why it has ended, for the streams.
    private(set) var failure = HTTPClientFailure(.closed, mayHaveBeenReceived: true)
    /// When the server last said anything.
    private(set) var readAt = Timestamp.zero
    /// For the handshake, then for rest.
    private var timer: WheelTimer?

    /// - Throws: if nghttp2 has no memory.
    init(
        _ stream: ByteStream, to server: ServerConnections, as kind: HTTPConnectionKind, for client: ProxyHeader,
        pool: HTTPConnectionPool
    ) throws(HTTP2Session.Failure) {
        self.server = server
        self.kind = kind
        self.client = client
        self.pool = pool
        settings = kind.http2 ?? HTTP2Settings()
        responseHead = HTTP2ResponseHead(limits: pool.settings.limits)
        try super.init(.client, on: stream, settings, limits: pool.settings.limits)
    }

    func start() {
        timer = WheelTimer(on: pool.wheel) { [self] in timeOut() }
        timer?.arm(after: stream.isHandshaking ? pool.settings.handshakeTimeout : pool.settings.idleTimeout)
        stream.delegate = self
        stream.startReading()
        scheduleSend()
    }

    override var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Nothing leaves before it is known that the server agrees to HTTP/2.
    override var mayWrite: Bool { !isClosed && !stream.isHandshaking }

    // MARK: Streams

    /// Whether it can carry one more request now.
    var hasRoom: Bool {
        guard case .open = state else { return false }
        return places < min(settings.concurrentStreams, session.peerStreamLimit)
    }

    var isResting: Bool { places == 0 }

    func makeStream() -> HTTP2ClientStream {
        if places == 0, !stream.isHandshaking { timer?.disarm() }
        places += 1
        return HTTP2ClientStream(on: self, isReused: isReused)
    }

    func begin(_ stream: HTTP2ClientStream, _ head: HTTP2FieldBlock, hasBody: Bool) throws(HTTP2Session.Failure) {
        try session.sendRequest(head, on: stream, hasBody: hasBody)
        add(stream)
        scheduleSend()
    }

    /// A stream's request is over.
    func takeBackPlace(of stream: HTTP2ClientStream) {
        places -= 1
        if stream.hasWideWindow { wideStreams -= 1 }
        isReused = true
        guard places == 0, !isClosed else { return }
        timer?.arm(after: pool.settings.idleTimeout)
        if case .retired = state { scheduleSend() }
    }

    /// Has further requests go elsewhere.
    func retire() {
        if case .open = state { state = .retired }
    }

    // MARK: What comes

    override func headDidBegin() { responseHead.begin() }

    override func fieldDidArrive(_ name: RawSpan, _ value: RawSpan) -> Bool {
        responseHead.append(name: name, value: value)
        return responseHead.fieldBytes <= 4 * pool.settings.limits.headBytes
    }

    override func headDidEnd(_ stream: HTTP2Stream?, _: Int32, byteCount: Int, endsStream: Bool) {
        guard let stream = stream as? HTTP2ClientStream else { return }
        do throws(HTTPError) {
            let head = try responseHead.finish(answering: stream.method, endsStream: endsStream)
            let bytes = responseHead.bytes
            unsafe stream.headDidArrive(head, bytes.span.bytes)
        } catch { return stream.refuse(error) }
        if endsStream { stream.messageDidEnd() }
    }

    override var mayWiden: Bool { wideStreams < settings.wideStreams }

    override func streamDidWiden() { wideStreams += 1 }

    override func goAwayDidArrive() { retire() }

    override func swapFrames() { swap(&session.output, &pool.frames) }

    // MARK: End

    override func endIfOver() {
        if session.isOver { return end(.closed) }
        if case .retired = state, places == 0 { end(.closed) }
    }

    override func abort() { end(.closed) }

    /// Idempotent. Requests under way fail with that cause.
    func end(_ cause: HTTPClientFailure.Cause, mayHaveBeenReceived: Bool = true) {
        guard !isClosed else { return }
        failure = HTTPClientFailure(cause, mayHaveBeenReceived: mayHaveBeenReceived && !stream.isHandshaking)
        state = .closed
        timer?.invalidate()
        timer = nil
        if stream.queuedBytes == 0 { stream.closeAfterWriting() } else { stream.close() }
        pool.forget(self)
        closeStreams()
    }

    private func timeOut() {
        if stream.isHandshaking { return end(.timedOut) }
        guard places == 0, !isClosed else { return }
        state = .retired
        session.terminate(.none)
        send()
    }
}

extension HTTP2ClientConnection: ByteStreamDelegate {
    func streamDidFinishHandshake() {
        guard stream.negotiatedProtocol == "h2" else {
            let error = TLSError(.noSharedProtocol, "TLS: the server does not agree to HTTP/2 (h2)")
            return end(.connection(.security(error)), mayHaveBeenReceived: false)
        }
        timer?.disarm()
        if places == 0 { timer?.arm(after: pool.settings.idleTimeout) }
        scheduleSend()
    }

    func streamDidRead(_ bytes: RawSpan) {
        guard !isClosed else { return }
        readAt = loop.now
        guard process(bytes) == nil else { return end(.closed) }
        send()
        guard !isClosed else { return }
        if stream.queuedBytes > 0, session.queuedFrames >= settings.queuedFrames { stream.stopReading() }
    }

    func streamDidEnd() { end(.closed) }

    func streamDidDrain() {
        guard !isClosed else { return }
        stream.startReading()
        send()
    }

    func streamDidFail(_ error: TransportError) { end(.connection(error)) }
}
