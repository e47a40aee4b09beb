internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// A client's connection in HTTP/2: takes requests as they come and gives each a ``HTTP2ServerStream``.
final class HTTP2ServerConnection: HTTP2Connection {
    enum State {
        case open
        /// No further requests are taken once ``HTTPServerSettings/drainIdleTimeout`` is over.
        case draining
        /// All was said; only the client's end is missing.
        case lingering
        case closed
    }

    let server: HTTPServer
    var place: Int32?
    var client: ClientLimit.Client?
    private var requestCount = 0
    var state = State.open
    var budget: FrameBudget
    private var requestHead: HTTP2RequestHead
    private var isHeadOpen = false
    var hasPeerEnded = false

    // Time; ``timeOut()`` looks at all of these.
    var timer: WheelTimer?
    var timerDeadline = Timestamp.distantFuture
    var idleDeadline = Timestamp.distantFuture
    var headDeadline = Timestamp.distantFuture
    var writeDeadline = Timestamp.distantFuture
    var drainDeadline = Timestamp.distantFuture
    /// When a client that has ended its sending is looked after next.
    var watchDeadline = Timestamp.distantFuture
    /// What had not arrived when `writeDeadline` was set.
    var untakenAtLastCheck = 0
    /// When a part of a body last went into a frame.
    var sentAt = Timestamp.zero

    /// - Throws: if nghttp2 has no memory.
    init(_ stream: ByteStream, server: HTTPServer) throws(HTTP2Session.Failure) {
        self.server = server
        budget = FrameBudget(server.settings.http2, at: server.loop.now)
        requestHead = HTTP2RequestHead(
            limits: server.settings.limits, allowsExtendedConnect: server.settings.http2.allowsExtendedConnect)
        try super.init(.server, on: stream, server.settings.http2, limits: server.settings.limits)
    }

    func start() {
        timer = WheelTimer(on: server.wheel) { [self] in timeOut() }
        idleDeadline = server.loop.now.advanced(by: server.settings.headTimeout)
        arm(at: idleDeadline)
        stream.delegate = self
        stream.startReading()
    }

    /// Asked of the kernel once; kept after the connection has ended.
    private(set) lazy var peerAddress: SocketAddress? = stream.peerAddress
    private(set) lazy var peerHostText = peerAddress?.hostText

    override var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    override var mayWrite: Bool {
        switch state {
        case .open, .draining: true
        case .lingering, .closed: false
        }
    }

    // MARK: Input

    func receive(_ bytes: RawSpan) {
        budget.noteRead(byteCount: bytes.byteCount)
        let failure = process(bytes)
        guard !isClosed else { return }
        guard failure == nil else {
            server.count(\.refusedRequests)
            return abort()
        }
        if budget.isExceeded(at: loop.now) { session.terminate(.enhanceYourCalm) }
        send()
        guard !isClosed else { return }
        if isHeadOpen, headDeadline == .distantFuture {
            headDeadline = loop.now.advanced(by: server.settings.headTimeout)
            arm(at: headDeadline)
        }
        if stream.queuedBytes > 0, session.queuedFrames >= server.settings.http2.queuedFrames { stream.stopReading() }
    }

    override func controlFrameDidArrive() { budget.noteControlFrame() }
    override func resetDidArrive() { budget.noteReset() }
    override func bodyDidArrive(byteCount: Int) { budget.noteBody(byteCount: byteCount) }

    override func headDidBegin() {
        isHeadOpen = true
        requestHead.begin()
    }

    override func fieldDidArrive(_ name: RawSpan, _ value: RawSpan) -> Bool {
        requestHead.append(name: name, value: value)
        guard requestHead.fieldBytes > 4 * server.settings.limits.headBytes else { return true }
        session.terminate(.enhanceYourCalm)
        return false
    }

    override func headDidEnd(_: HTTP2Stream?, _ id: Int32, byteCount: Int, endsStream: Bool) {
        isHeadOpen = false
        headDeadline = .distantFuture
        idleDeadline = .distantFuture
        budget.noteRequest(byteCount: byteCount)
        let stream = HTTP2ServerStream(id, on: self)
        add(stream)
        session.attach(stream)
        do throws(HTTPError) {
            let head = try requestHead.finish(endsStream: endsStream)
            let bytes = requestHead.bytes
            unsafe stream.begin(head, bytes.span.bytes)
        } catch {
            stream.refuse(error, to: requestHead.method)
        }
        if endsStream { stream.messageDidEnd() }
        requestCount += 1
        if requestCount == server.settings.requestsPerConnection { retire() }
    }

    // MARK: Streams

    override func streamsDidChange() {
        guard streams.isEmpty else { return }
        idleDeadline = loop.now.advanced(by: server.settings.idleTimeout)
        arm(at: idleDeadline)
    }

    func noteSent(byteCount: Int) {
        queuedBytes -= byteCount
        sentAt = loop.now
        budget.noteSent(byteCount: byteCount)
    }

    /// A reset that is not a handler's or the protocol's own way to end a stream was provoked by the client.
    override func resetDidGoOut(_ code: UInt32) {
        switch HTTP2Session.ErrorCode(rawValue: code) {
        case .some(.none), .cancel, .internalError: break
        case .protocolError, .refusedStream, .enhanceYourCalm, nil:
            budget.noteReset()
            server.count(\.refusedRequests)
        }
    }

    override func goAwayDidGoOut(_ code: UInt32) {
        if code != HTTP2Session.ErrorCode.none.rawValue { server.count(\.refusedRequests) }
    }

    // MARK: Output

    override func swapFrames() { swap(&session.output, &server.frames) }

    override func didWrite() {
        if stream.queuedBytes > 0 { awaitProgress() } else { writeDeadline = .distantFuture }
    }

    override func endIfOver() {
        if hasPeerEnded { cutBlockedStreams() }
        if session.isOver || hasPeerEnded && streams.isEmpty { linger() }
    }

    /// Of a client that says nothing more, and so will open no window.
    private func cutBlockedStreams() {
        for stream in serverStreams where stream.isWaitingForClient && session.isSendWindowEmpty(of: stream) {
            stream.cut(.cancel)
        }
    }

    override func abort() {
        guard !isClosed else { return }
        stream.close()
        finishClosing()
    }
}
