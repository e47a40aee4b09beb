internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// One request of an HTTP/2 connection and its response.
///
/// Its connection keeps it until the stream is closed, by both ends or by a reset; whoever keeps it longer can do nothing
/// with it.
final class HTTP2ServerStream: HTTP2Stream, HTTPServerStream {
    let connection: HTTP2ServerConnection
    var exchange: (any HTTPServerExchange)?
    private(set) var isClosed = false

    // The request.
    private var method = HTTPMethod.get
    private(set) var isRequestEnded = false
    private var isBodyPaused = false
    /// The client may be silent as long as it likes.
    private var isTunnel = false
    /// Arrived while the body was paused; the client's window bounds it.
    private var held: [UInt8] = []
    private var isEndHeld = false
    private var requestTrailers = TrailerFields()
    private var readDeadline = Timestamp.distantFuture
    private var bodyRate: TransferRate?

    // The response.
    private var response = HTTPServerConnection.ResponseState.notBegun
    private var head = HTTP2FieldBlock()
    /// The response that was begun is not the last one.
    private var isInterim = false
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
        guard head.expectContinue, case .notBegun = response, head.framing != .none, !isClosed else { return }
        sendContinue()
    }

    override func bodyDidArrive(_ bytes: RawSpan) {
        guard !isClosed else { return }
        bodyRate?.add(bytes.byteCount)
        if isResponseEnded {
            connection.session.consumeConnection(bytes.byteCount)
        } else if isBodyPaused || !held.isEmpty {
            bytes.append(first: bytes.byteCount, to: &held)
        } else if isBodyTooSlow {
            cutSlowClient()
        } else {
            awaitBody()
            exchange?.requestBodyDidArrive(bytes)
            if !isClosed { noteTaken(bytes.byteCount) }
        }
    }

    private func noteTaken(_ count: Int) {
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
    private func dropRequestBody() {
        guard !isRequestEnded else { return }
        isBodyPaused = false
        readDeadline = .distantFuture
        connection.session.consumeConnection(held.count)
        held = []
        if isEndHeld { messageDidEnd() }
    }

    private func deliverHeld() {
        guard !isClosed, !isBodyPaused else { return }
        if !held.isEmpty {
            let bytes = held
            held = []
            exchange?.requestBodyDidArrive(unsafe bytes.span.bytes)
            guard !isClosed else { return }
            noteTaken(bytes.count)
            connection.scheduleSend()
        }
        if isEndHeld, !isBodyPaused { messageDidEnd() }
    }

    // MARK: Response

    func beginResponse(status: Int, framing: MessageHead.Framing, addsDate: Bool) throws(HTTPSerializer.Failure) {
        guard !isClosed else { return }
        guard case .notBegun = response else { preconditionFailure("one response to a request") }
        var head = connection.spareHead.take() ?? HTTP2FieldBlock()
        try head.begin(status: status)
        if addsDate { head.appendDate(server.commonFields.now) }
        if let name = server.settings.serverName { try head.appendField("server", name) }
        let isBodyless = status == 204 || status == 304 || method == .connect && status / 100 == 2
        let framing = status == 205 ? .length(0) : framing
        if !isBodyless, case .length(let length) = framing { head.appendContentLength(length) }
        self.head = head
        response = .head(isBodyless || method == .head ? .none : ResponseBody(framing))
    }

    func beginInterimResponse(status: Int) throws(HTTPSerializer.Failure) -> Bool {
        guard 102...199 ~= status else { throw .invalidStatus }
        guard !isClosed, case .notBegun = response, connection.stream.queuedBytes == 0,
            connection.session.queuedFrames < server.settings.http2.queuedFrames
        else { return false }
        var head = connection.spareHead.take() ?? HTTP2FieldBlock()
        try head.begin(status: status)
        self.head = head
        isInterim = true
        response = .head(.none)
        return true
    }

    func beginTunnel(to _: String) throws(HTTPSerializer.Failure) {
        try beginResponse(status: 200, framing: .chunked)
        guard case .head = response else { return }
        response = .head(.chunked)
        isTunnel = true
        readDeadline = .distantFuture
    }

    func appendField(_ name: String, _ value: String) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        try head.appendField(name, value)
    }

    func appendField(name: RawSpan, value: RawSpan) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        try head.appendField(name: name, value: value)
    }

    func appendLines(_ lines: RawSpan) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        var fields = FieldIterator(0..<lines.byteCount)
        while let (name, value) = fields.next(in: lines) {
            try head.appendField(name: lines.extracting(name), value: lines.extracting(value))
        }
    }

    func withdrawHead() {
        switch response {
        case .notBegun, .head:
            response = .notBegun
            isTunnel = false
            isInterim = false
        case .body, .ended: preconditionFailure("the head has ended")
        }
    }

    func endHead() {
        guard case .head(let body) = response, !isClosed else { return }
        guard !isInterim else { return endInterimResponse() }
        response = .body(body)
        do throws(HTTP2Session.Failure) {
            try connection.session.sendHead(head, on: self, hasBody: !body.isWhole)
        } catch { return connection.abort() }
        giveBackHead()
        if body.isWhole { endResponse() } else { connection.scheduleSend() }
    }

    private func endInterimResponse() {
        isInterim = false
        response = .notBegun
        do throws(HTTP2Session.Failure) {
            try connection.session.sendInterimHead(head, on: self)
        } catch { return connection.abort() }
        giveBackHead()
        connection.scheduleSend()
    }

    var sendsBody: Bool {
        guard case .body(let body) = response, !isClosed else { return false }
        return !body.isWhole
    }

    func sendBody(_ bytes: RawSpan) {
        guard case .body(let body) = response, !isClosed, bytes.byteCount > 0 else { return }
        switch body {
        case .none: return
        case .length(let remaining):
            guard UInt64(bytes.byteCount) <= remaining else { return abort() }
            response = .body(.length(remaining: remaining - UInt64(bytes.byteCount)))
        case .chunked, .untilClose: break
        }
        if self.body.isEmpty { awaitClient() }
        self.body.append(bytes)
        connection.queuedBytes += bytes.byteCount
        goOnSending()
        if case .body(.length(remaining: 0)) = response { endResponse() }
    }

    /// Not in HTTP/2: between two files' parts stands a frame's header.
    func sendFilePart(_: Int32, offset _: Int64, count _: Int) throws(UVError) -> Int? { nil }

    func endResponse() { endResponse(trailers: TrailerFields()) }

    func endResponse(trailers: TrailerFields) {
        guard case .body(let body) = response, !isClosed else { return }
        if case .length(let remaining) = body, remaining > 0 { return abort() }
        if !trailers.isEmpty, let head = try? HTTP2FieldBlock(trailers), !head.fields.isEmpty { self.trailers = head }
        response = .ended
        exchange = nil
        dropRequestBody()
        goOnSending()
    }

    override var isSendingEnded: Bool { isResponseEnded }

    var isResponseEnded: Bool {
        if case .ended = response { true } else { false }
    }

    private var isResponseUnderWay: Bool {
        if case .body = response { true } else { false }
    }

    var canWrite: Bool {
        isClosed || body.isEmpty
            || body.count < server.settings.http2.streamHighWaterBytes
                && connection.queuedBytes < server.settings.highWaterBytes
    }

    var isWaitingForClient: Bool { !isClosed && !body.isEmpty }

    func flush() { connection.flush() }

    func abort() { cut(.internalError) }

    /// Answers without a handler. `method`: of the request, as far as that is known.
    func refuse(_ error: HTTPError, to method: HTTPMethod) {
        self.method = method
        server.count(\.refusedRequests)
        server.handler.requestWasRefused(status: error.status, on: self)
        let text = Array("\(error.status)\n".utf8)
        do throws(HTTPSerializer.Failure) {
            try beginResponse(status: error.status, framing: .length(UInt64(text.count)))
            try appendField("content-type", "text/plain")
            endHead()
            unsafe sendBody(text.span.bytes)
        } catch { abort() }
    }

    private func sendContinue() {
        var head = HTTP2FieldBlock()
        do {
            try head.begin(status: 100)
            try connection.session.sendInterimHead(head, on: self)
            connection.scheduleSend()
        } catch { connection.abort() }
    }

    private func goOnSending() {
        connection.session.resume(self)
        connection.scheduleSend()
    }

    private func giveBackHead() {
        connection.spareHead = head
        head = HTTP2FieldBlock()
    }

    // MARK: The connection's word

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
        held = []
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

    private func awaitClient() {
        writeDeadline = loop.now.advanced(by: server.settings.progressTimeout)
        connection.arm(at: writeDeadline)
    }

    /// A deadline has passed. Who merely waits for others of the same connection gets more time.
    func timeOut(at now: Timestamp) {
        if readDeadline <= now, isResponseEnded {
            readDeadline = .distantFuture
            connection.session.reset(self, .none)
        } else if readDeadline <= now {
            guard connection.session.isReceiveWindowFull else { return cutSlowClient() }
            awaitBody()
        }
        if writeDeadline <= now {
            guard connection.session.windowBytes(of: self) > 0 else { return cutSlowClient() }
            // What is queued in the socket is looked at by the connection.
            let isQueued = connection.stream.queuedBytes > 0
            guard isQueued || now < connection.sentAt.advanced(by: server.settings.progressTimeout) else {
                return connection.abortSlowClient()
            }
            awaitClient()
        }
    }

    private func cutSlowClient() {
        server.count(\.timeouts)
        cut(.cancel)
    }
}
