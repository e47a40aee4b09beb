internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// One request of an HTTP/2 connection to a server, and its response.
///
/// Its connection keeps it from the head of its request until the stream is closed, which may be some time after the
/// exchange is over.
final class HTTP2ClientStream: HTTP2Stream, HTTPClientStream {
    private enum State {
        case idle
        case busy
        case ended
    }

    private let connection: HTTP2ClientConnection
    let isReused: Bool
    private var state = State.idle
    private var exchange: (any HTTPClientExchange)?
    private var timer: WheelTimer?
    private var responseTimeout = Duration.zero
    private var beganAt = Timestamp.zero

    // The request.
    private(set) var method = HTTPMethod.get
    /// Of a body of known length.
    private var remainingBytes: UInt64?
    private var isRequestEnded = false

    // The response.
    private var hasHead = false
    private var hasBody = false
    private var isPaused = false
    /// Arrived while it was paused, or in the read with which the body began: a reset in the same read shows that the
    /// response is none, while its head can still be taken back. The stream's window bounds it.
    private var held: [UInt8] = []
    private var isEndHeld = false
    private var responseTrailers = TrailerFields()

    init(on connection: HTTP2ClientConnection, isReused: Bool) {
        self.connection = connection
        self.isReused = isReused
        super.init()
    }

    private var isBusy: Bool {
        if case .busy = state { true } else { false }
    }

    // MARK: Request

    func begin(_ exchange: any HTTPClientExchange, responseTimeout: Duration?) {
        guard case .idle = state else { preconditionFailure("one request to a stream") }
        state = .busy
        self.exchange = exchange
        self.responseTimeout = responseTimeout ?? connection.pool.settings.responseTimeout
        beganAt = connection.loop.now
        timer = WheelTimer(on: connection.pool.wheel) { [self] in timeOut() }
        awaitProgress()
    }

    func sendHead(_ head: RawSpan, method: HTTPMethod, framing: MessageHead.Framing) {
        guard isBusy else { return }
        self.method = method
        switch framing {
        case .none, .untilClose, .length(0): isRequestEnded = true
        case .length(let length): remainingBytes = length
        case .chunked: break
        }
        if !send(head) { connection.loop.submitLocally { [self] in fail(.refused, mayHaveBeenReceived: false) } }
    }

    /// - Returns: false if the connection has ended meanwhile.
    private func send(_ head: RawSpan) -> Bool {
        guard !connection.isClosed else { return false }
        var block = connection.spareHead.take() ?? HTTP2FieldBlock()
        defer { connection.spareHead = block }
        do {
            try block.begin(request: head, isEncrypted: connection.stream.isEncrypted)
            try connection.begin(self, block, hasBody: !isRequestEnded)
            return true
        } catch { return false }
    }

    func sendBody(_ bytes: RawSpan) {
        guard isBusy, !isRequestEnded, bytes.byteCount > 0 else { return }
        if let remainingBytes {
            guard UInt64(bytes.byteCount) <= remainingBytes else { return giveUp() }
            self.remainingBytes = remainingBytes - UInt64(bytes.byteCount)
            isRequestEnded = self.remainingBytes == 0
        }
        body.append(bytes)
        connection.queuedBytes += bytes.byteCount
        awaitProgress()
        goOnSending()
    }

    func endRequest(trailers: TrailerFields) {
        guard isBusy, !isRequestEnded else { return }
        guard remainingBytes == nil else { return giveUp() }
        if let block = try? HTTP2FieldBlock(trailers), !block.fields.isEmpty { self.trailers = block }
        isRequestEnded = true
        goOnSending()
    }

    private func goOnSending() {
        connection.session.resume(self)
        connection.scheduleSend()
    }

    override var isSendingEnded: Bool { isRequestEnded }

    var canWrite: Bool {
        !isBusy || body.isEmpty
            || body.count < connection.settings.streamHighWaterBytes
                && connection.queuedBytes < connection.pool.settings.highWaterBytes
    }

    override func didSend(_ count: Int) {
        connection.queuedBytes -= count
        guard isBusy else { return }
        if !isPaused { awaitProgress() }
        if body.isEmpty, !isRequestEnded { connection.noteDrained(self) }
    }

    override func didDrain() { exchange?.requestDidDrain() }

    // MARK: Response

    override var awaitsHead: Bool { !hasHead }

    func headDidArrive(_ head: MessageHead, _ bytes: RawSpan) {
        if !head.isInterim { hasHead = true }
        guard isBusy else { return }
        awaitProgress()
        exchange?.responseDidBegin(head, bytes)
    }

    /// Its head breaks the rules.
    func refuse(_ error: HTTPError) {
        guard isBusy else { return }
        connection.session.reset(self, .protocolError)
        fail(.malformedResponse(error), mayHaveBeenReceived: true)
    }

    override func bodyDidArrive(_ bytes: RawSpan) {
        // At once, though it may have to be held: a slow reader holds up its own response only, not the others'.
        connection.session.consumeConnection(bytes.byteCount)
        guard isBusy else { return }
        if isPaused || !held.isEmpty { return bytes.append(first: bytes.byteCount, to: &held) }
        awaitProgress()
        guard hasBody else { return hold(bytes) }
        exchange?.responseBodyDidArrive(bytes)
        noteTaken(bytes.byteCount)
    }

    private func hold(_ bytes: RawSpan) {
        hasBody = true
        bytes.append(first: bytes.byteCount, to: &held)
        connection.loop.submitLocally { [self] in deliverHeld() }
    }

    private func noteTaken(_ count: Int) {
        guard !connection.isClosed else { return }
        connection.session.consumeStream(count, of: self)
        if isBusy { connection.noteTaken(count, by: self) }
    }

    override func trailersDidArrive(_ trailers: TrailerFields) { responseTrailers = trailers }

    override func messageDidEnd() {
        guard isBusy else { return }
        isEndHeld = true
        deliverHeld()
    }

    /// All of the body was delivered.
    private func endResponse() {
        if !responseTrailers.isEmpty {
            let lines = responseTrailers.bytes
            exchange?.responseTrailersDidArrive(unsafe lines.span.bytes)
            guard isBusy else { return }
        }
        // The answer may come before the question is over, whose rest is of no use then.
        if !isRequestEnded || !body.isEmpty { reset() }
        let exchange = exchange
        leave()
        exchange?.responseDidEnd()
    }

    func pauseResponse() {
        guard isBusy else { return }
        isPaused = true
        timer?.disarm()
    }

    func resumeResponse() {
        guard isPaused, isBusy else { return }
        isPaused = false
        awaitProgress()
        connection.loop.submitLocally { [self] in deliverHeld() }
    }

    private func deliverHeld() {
        guard isBusy, !isPaused else { return }
        if !held.isEmpty {
            let bytes = held
            held = []
            exchange?.responseBodyDidArrive(unsafe bytes.span.bytes)
            noteTaken(bytes.count)
            connection.scheduleSend()
        }
        if isEndHeld, isBusy, !isPaused { endResponse() }
    }

    // MARK: End

    func cancel() {
        switch state {
        case .idle: leave()
        case .busy:
            reset()
            leave()
        case .ended: break
        }
    }

    private func giveUp() {
        reset()
        fail(.cancelled, mayHaveBeenReceived: true)
    }

    private func reset() {
        guard id != 0, !connection.isClosed else { return }
        connection.session.reset(self, .cancel)
        connection.scheduleSend()
    }

    private func fail(_ cause: HTTPClientFailure.Cause, mayHaveBeenReceived: Bool) {
        guard isBusy else { return }
        let exchange = exchange
        leave()
        exchange?.exchangeDidFail(HTTPClientFailure(cause, mayHaveBeenReceived: mayHaveBeenReceived))
    }

    /// Lets go of everything, and of its place.
    private func leave() {
        state = .ended
        exchange = nil
        timer?.invalidate()
        timer = nil
        held = []
        connection.queuedBytes -= body.count
        body.removeAll()
        connection.takeBackPlace(of: self)
    }

    /// A server that has not begun with a request says so: it can be repeated, whatever it is (RFC 9113 §8.7).
    override func didClose(_ code: UInt32?) {
        guard isBusy, !isEndHeld else { return }
        switch code.map(HTTP2Session.ErrorCode.init) {
        case nil: fail(connection.failure.cause, mayHaveBeenReceived: connection.failure.mayHaveBeenReceived)
        case .refusedStream: fail(.refused, mayHaveBeenReceived: false)
        case .some: fail(.closed, mayHaveBeenReceived: true)
        }
    }

    // MARK: Time

    private func awaitProgress() { timer?.arm(after: responseTimeout) }

    /// Where a server has said nothing at all meanwhile, further requests would fare no better.
    private func timeOut() {
        guard isBusy else { return }
        if connection.readAt < beganAt { connection.retire() }
        reset()
        fail(.timedOut, mayHaveBeenReceived: !connection.stream.isHandshaking)
    }
}
