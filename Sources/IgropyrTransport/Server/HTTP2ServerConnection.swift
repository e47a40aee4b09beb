internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// A client's connection in HTTP/2: takes requests as they come and gives each a ``HTTP2ServerStream``.
///
/// What is to be sent is gathered until the loop's turn, or what was read, is through, and goes out in pieces as the
/// client takes them.
final class HTTP2ServerConnection {
    enum State {
        case open
        /// No further requests are taken once ``HTTPServerSettings/drainIdleTimeout`` is over.
        case draining
        /// All was said; only the client's end is missing.
        case lingering
        case closed
    }

    /// Produced and handed to the socket at once.
    private static let pieceBytes = 64 << 10

    let server: HTTPServer
    let stream: ByteStream
    var place: Int32?
    var client: ClientLimit.Client?
    private var requestCount = 0
    private(set) var session: HTTP2Session!
    var state = State.open
    var budget: FrameBudget
    private(set) var streams: [HTTP2ServerStream] = []
    /// Bytes of responses' bodies that wait in the streams.
    var queuedBytes = 0
    /// Used by one stream at a time, while it makes its head.
    var spareHead: HTTP2ResponseHead? = HTTP2ResponseHead()
    private var requestHead: HTTP2RequestHead
    private var trailers = TrailerFields()
    private var trailerCount = 0
    private var trailerBytes = 0
    private var isHeadOpen = false
    private var isProcessing = false
    private var isSending = false
    private var isSendScheduled = false
    /// Streams whose queue has become empty in this sending.
    private var drained: [HTTP2ServerStream] = []
    var hasPeerEnded = false

    // Time; ``timeOut()`` looks at all of these.
    var timer: WheelTimer?
    var timerDeadline = Timestamp.distantFuture
    var idleDeadline = Timestamp.distantFuture
    var headDeadline = Timestamp.distantFuture
    var writeDeadline = Timestamp.distantFuture
    var drainDeadline = Timestamp.distantFuture
    /// What waited in the socket when `writeDeadline` was set.
    var queuedAtLastCheck = 0
    /// When a part of a body last went into a frame.
    var sentAt = Timestamp.zero

    /// - Throws: if nghttp2 has no memory.
    init(_ stream: ByteStream, server: HTTPServer) throws(HTTP2Session.Failure) {
        self.stream = stream
        self.server = server
        budget = FrameBudget(server.settings.http2, at: server.loop.now)
        requestHead = HTTP2RequestHead(
            limits: server.settings.limits, allowsExtendedConnect: server.settings.http2.allowsExtendedConnect)
        session = try HTTP2Session(
            owner: self, settings: server.settings.http2, headBytes: server.settings.limits.headBytes)
    }

    func start() {
        timer = WheelTimer(on: server.wheel) { [self] in timeOut() }
        idleDeadline = server.loop.now.advanced(by: server.settings.headTimeout)
        arm(at: idleDeadline)
        stream.delegate = self
        stream.startReading()
    }

    var loop: EventLoop { stream.loop }
    /// Asked of the kernel once; kept after the connection has ended.
    private(set) lazy var peerAddress: SocketAddress? = stream.peerAddress

    var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    // MARK: Input

    func receive(_ bytes: RawSpan) {
        budget.noteRead(byteCount: bytes.byteCount)
        isProcessing = true
        let failure: HTTP2Session.Failure?
        do throws(HTTP2Session.Failure) {
            try session.receive(bytes)
            failure = nil
        } catch { failure = error }
        isProcessing = false
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

    func controlFrameDidArrive() { budget.noteControlFrame() }

    func headDidBegin() {
        isHeadOpen = true
        requestHead.begin()
    }

    func trailersDidBegin() {
        trailers = TrailerFields()
        (trailerCount, trailerBytes) = (0, 0)
    }

    /// - Returns: false for a head that is so large that not even its rest is to be looked at.
    func fieldDidArrive(_ name: RawSpan, _ value: RawSpan) -> Bool {
        requestHead.append(name: name, value: value)
        guard requestHead.fieldBytes > 4 * server.settings.limits.headBytes else { return true }
        session.terminate(.enhanceYourCalm)
        return false
    }

    /// - Returns: false for more, or for something else, than there may be.
    func trailerDidArrive(_ name: RawSpan, _ value: RawSpan) -> Bool {
        let limits = server.settings.limits
        trailerCount += 1
        trailerBytes += name.byteCount + value.byteCount
        guard trailerCount <= limits.fields, trailerBytes <= limits.trailerBytes else { return false }
        do throws(HTTPSerializer.Failure) { try trailers.append(name: name, value: value) } catch { return false }
        return true
    }

    func trailersDidEnd(_ stream: HTTP2ServerStream?) {
        stream?.trailersDidArrive(trailers)
        trailers = TrailerFields()
    }

    func headDidEnd(_ id: Int32, byteCount: Int, endsStream: Bool) {
        isHeadOpen = false
        headDeadline = .distantFuture
        idleDeadline = .distantFuture
        budget.noteRequest(byteCount: byteCount)
        let stream = HTTP2ServerStream(id, on: self, index: streams.count)
        streams.append(stream)
        session.attach(stream)
        do throws(HTTPError) {
            let head = try requestHead.finish(endsStream: endsStream)
            let bytes = requestHead.bytes
            unsafe stream.begin(head, bytes.span.bytes)
        } catch {
            stream.refuse(error, to: requestHead.method)
        }
        if endsStream { stream.requestDidEnd() }
        requestCount += 1
        if requestCount == server.settings.requestsPerConnection { drain() }
    }

    // MARK: Streams

    func streamDidClose(_ stream: HTTP2ServerStream) {
        let last = streams.removeLast()
        if last !== stream {
            streams[stream.index] = last
            last.index = stream.index
        }
        stream.didClose()
        if streams.isEmpty, !isClosed {
            idleDeadline = loop.now.advanced(by: server.settings.idleTimeout)
            arm(at: idleDeadline)
        }
    }

    func forgetStreams() -> [HTTP2ServerStream] {
        defer { streams = [] }
        return streams
    }

    /// All that the stream had to send is on its way, and more may follow.
    func noteDrained(_ stream: HTTP2ServerStream) { drained.append(stream) }

    func noteSent(byteCount: Int) {
        queuedBytes -= byteCount
        sentAt = loop.now
        budget.noteSent(byteCount: byteCount)
    }

    /// A reset that is not a handler's or the protocol's own way to end a stream was provoked by the client.
    func resetDidGoOut(_ code: UInt32) {
        switch HTTP2Session.ErrorCode(rawValue: code) {
        case .some(.none), .cancel, .internalError: break
        case .protocolError, .refusedStream, .enhanceYourCalm, nil:
            budget.noteReset()
            server.count(\.refusedRequests)
        }
    }

    func goAwayDidGoOut(_ code: UInt32) {
        if code != HTTP2Session.ErrorCode.none.rawValue { server.count(\.refusedRequests) }
    }

    // MARK: Output

    /// Has ``send()`` called once what goes on now is through.
    func scheduleSend() {
        guard !isProcessing, !isSendScheduled else { return }
        isSendScheduled = true
        loop.submitLocally { [self] in
            isSendScheduled = false
            send()
        }
    }

    /// Sends at once, where that is possible.
    func flush() {
        guard !isProcessing, !isSending else { return }
        send()
    }

    /// Sends as much as the client takes, then tells the streams that can go on.
    func send() {
        guard !isProcessing, !isSending, !isClosed, !isLingering else { return }
        isSending = true
        swap(&session.output, &server.frames)
        let failure = sendPieces()
        if session.output.capacity > 4 * Self.pieceBytes { session.output = [] }
        swap(&session.output, &server.frames)
        isSending = false
        guard !isClosed else { return }
        if failure != nil { return abort() }
        if stream.queuedBytes > 0 { awaitProgress() } else { writeDeadline = .distantFuture }
        notifyDrained()
        if !isClosed { endIfOver() }
    }

    private func sendPieces() -> HTTP2Session.Failure? {
        while !isClosed, stream.queuedBytes < Self.pieceBytes {
            do throws(HTTP2Session.Failure) {
                try session.produce(upTo: Self.pieceBytes)
            } catch { return error }
            let count = session.output.count
            guard count > 0 else { return nil }
            session.takeOutput { stream.write($0) }
            guard count >= Self.pieceBytes else { return nil }
        }
        return nil
    }

    private func notifyDrained() {
        guard !drained.isEmpty else { return }
        let streams = drained
        drained.removeAll(keepingCapacity: true)
        for stream in streams { stream.exchange?.responseDidDrain() }
    }

    private var isLingering: Bool {
        if case .lingering = state { true } else { false }
    }

    private func endIfOver() {
        if session.isOver || hasPeerEnded && streams.isEmpty { linger() }
    }
}
