internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// One request of an HTTP/2 connection and its response.
///
/// Its connection keeps it until the stream is closed, by both ends or by a reset; whoever keeps it longer can do
/// nothing with it.
final class HTTP2ServerStream: HTTP2Stream, HTTPServerStream {
    let connection: HTTP2ServerConnection
    var exchange: (any HTTPServerExchange)?
    private(set) var isClosed = false

    // What follows is for this class only; its parts stand in two files.

    // The request.
    var method = HTTPMethod.get
    private(set) var isRequestEnded = false
    private var isBodyPaused = false
    /// The client may be silent as long as it likes.
    var isTunnel = false
    /// Arrived while the body was paused; the client's window bounds it.
    private var held: [UInt8] = []
    private var isEndHeld = false
    private var requestTrailers = TrailerFields()
    var readDeadline = Timestamp.distantFuture
    private var bodyRate: TransferRate?

    // The response.
    var response = HTTPServerConnection.ResponseState.notBegun
    var head = HTTP2FieldBlock()
    /// The response that was begun is not the last one.
    var isInterim = false
    private var writeDeadline = Timestamp.distantFuture

    init(_ id: Int32, on connection: HTTP2ServerConnection) {
        self.connection = connection
        super.init(id: id)
    }

    var server: HTTPServer { connection.server }
    var loop: EventLoop { connection.loop }
    var peerAddress: SocketAddress? { connection.peerAddress }
    var peerHostText: String? { connection.peerHostText }
    var localAddress: SocketAddress? { connection.stream.localAddress }
    var isEncrypted: Bool { connection.stream.showsCertificate }
    var negotiatedProtocol: String? { connection.stream.negotiatedProtocol }
    var clientCertificate: TLSPeerCertificate? { connection.stream.peerCertificate }
    var issuedKeyName: String? { connection.stream.issuedKeyName }

    // MARK: Request

    func begin(_ head: MessageHead, _ bytes: RawSpan) {
        server.count(\.requests)
        method = head.method
        if head.framing != .none {
            bodyRate = TransferRate()
            bodyRate?.run(at: loop.now)
            awaitBody()
        }
        server.handler.handle(head, bytes, on: self)
        if server.isDraining { exchange?.serverWillDrain() }  // It was on its way when the others were told.
        guard head.expectContinue, case .notBegun = response, head.framing != .none, !isClosed else { return }
        sendContinue()
    }

    override func bodyDidArrive(_ bytes: RawSpan) {
        bodyRate?.add(bytes.byteCount)
        if isClosed || isResponseEnded {
            connection.session.consumeConnection(bytes.byteCount)
        } else if isBodyPaused || !held.isEmpty {
            bytes.append(first: bytes.byteCount, to: &held)
        } else if isBodyTooSlow {
            connection.session.consumeConnection(bytes.byteCount)
            refuseSlowClient()
        } else {
            awaitBody()
            exchange?.requestBodyDidArrive(bytes)
            noteTaken(bytes.byteCount)
        }
    }

    /// Whatever becomes of the stream, the others of the connection go on with the window that they share.
    private func noteTaken(_ count: Int) {
        guard !isClosed else { return connection.session.consumeConnection(count) }
        connection.session.consume(count, of: self)
        if !isRequestEnded { connection.noteTaken(count, by: self) }
    }

    /// Not so if other streams have taken the window, nor while both ends talk: there is no more to say at a time then.
    private var isBodyTooSlow: Bool {
        let settings = server.settings
        guard let bodyRate, !isTunnel, !isResponseUnderWay else { return false }
        return bodyRate.isBelow(settings.minimumBytesPerSecond, after: settings.rateGrace, at: loop.now)
            && !connection.session.isReceiveWindowFull
    }

    /// For the exchange when the request ends.
    override func trailersDidArrive(_ trailers: TrailerFields) { requestTrailers = trailers }

    override func messageDidEnd() {
        guard !isClosed else { return }
        guard !isBodyPaused, held.isEmpty else {
            isEndHeld = true
            return
        }
        isEndHeld = false
        isRequestEnded = true
        readDeadline = .distantFuture
        if !requestTrailers.isEmpty {
            let lines = requestTrailers.bytes
            requestTrailers = TrailerFields()
            exchange?.requestTrailersDidArrive(unsafe lines.span.bytes)
        }
        exchange?.requestDidEnd()
    }

    func pauseBody() {
        guard !isRequestEnded, !isClosed else { return }
        isBodyPaused = true
        bodyRate?.pause(at: loop.now)
        readDeadline = .distantFuture
    }

    func resumeBody() {
        guard isBodyPaused, !isClosed else { return }
        isBodyPaused = false
        bodyRate?.run(at: loop.now)
        awaitBody()
        loop.submitLocally { [self] in deliverHeld() }
    }

    /// Nobody wants the rest. The client may send what its window allows, so that it is not cut off before it has read
    /// the response; see ``sendingDidEnd()``.
    func dropRequestBody() {
        guard !isRequestEnded else { return }
        isBodyPaused = false
        readDeadline = .distantFuture
        dropHeld()
        if isEndHeld { messageDidEnd() }
    }

    private func dropHeld() {
        guard !held.isEmpty else { return }
        connection.session.consumeConnection(held.count)
        held = []
    }

    private func deliverHeld() {
        guard !isClosed, !isBodyPaused else { return }
        if !held.isEmpty {
            let bytes = held
            held = []
            exchange?.requestBodyDidArrive(unsafe bytes.span.bytes)
            noteTaken(bytes.count)
            connection.scheduleSend()
        }
        if isEndHeld, !isBodyPaused { messageDidEnd() }
    }

    // MARK: The connection's word

    override var isSendingEnded: Bool { isResponseEnded }

    var isResponseEnded: Bool {
        if case .ended = response { true } else { false }
    }

    private var isResponseUnderWay: Bool {
        if case .body = response { true } else { false }
    }

    override func didSend(_ count: Int) {
        connection.noteSent(byteCount: count)
        if isResponseUnderWay, readDeadline != .distantFuture { awaitBody() }  // Who listens need not talk.
        guard body.isEmpty else { return awaitClient() }
        writeDeadline = .distantFuture
        if !isResponseEnded { connection.noteDrained(self) }
    }

    override func didDrain() { exchange?.responseDidDrain() }

    /// A client that still sends its request has some time to stop by itself; then it is told to (RFC 9113 §8.1).
    override func sendingDidEnd() {
        guard !isRequestEnded, !isClosed else { return }
        readDeadline = loop.now.advanced(by: server.settings.lingerTimeout)
        connection.arm(at: readDeadline)
    }

    /// Resets the stream.
    func cut(_ code: HTTP2Session.ErrorCode) {
        guard !isClosed else { return }
        connection.session.reset(self, code)
        connection.scheduleSend()
        didClose()
    }

    override func didClose(_: UInt32?) { didClose() }

    /// Tells the exchange, if it still had something to do.
    private func didClose() {
        guard !isClosed else { return }
        isClosed = true
        if !body.isEmpty {
            connection.queuedBytes -= body.count
            body.removeAll()
        }
        dropHeld()
        readDeadline = .distantFuture
        writeDeadline = .distantFuture
        let exchange = exchange
        self.exchange = nil
        exchange?.clientDidAbort()
    }

    // MARK: Time

    var deadline: Timestamp { min(readDeadline, writeDeadline) }

    private func awaitBody() {
        guard !isTunnel else { return }
        readDeadline = loop.now.advanced(by: server.settings.progressTimeout)
        connection.arm(at: readDeadline)
    }

    func awaitClient() {
        writeDeadline = loop.now.advanced(by: server.settings.progressTimeout)
        connection.arm(at: writeDeadline)
    }

    /// A deadline has passed. Who merely waits for others of the same connection gets more time.
    func timeOut(at now: Timestamp) {
        if readDeadline <= now, isResponseEnded {
            readDeadline = .distantFuture
            connection.session.reset(self, .none)
        } else if readDeadline <= now {
            guard connection.session.isReceiveWindowFull else { return refuseSlowClient() }
            awaitBody()
        }
        if writeDeadline <= now {
            guard connection.session.windowBytes(of: self) > 0 else { return refuseSlowClient() }
            // What is queued in the socket is looked at by the connection.
            let isQueued = connection.stream.queuedBytes > 0
            guard isQueued || now < connection.sentAt.advanced(by: server.settings.progressTimeout) else {
                return connection.abortSlowClient()
            }
            awaitClient()
        }
    }

    private func refuseSlowClient() {
        server.count(\.timeouts)
        refuse(status: 408)
    }
}
