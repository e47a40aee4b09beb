public import IgropyrHTTP
public import IgropyrUV

/// A connection to a server in HTTP/1.1: one request at a time, again and again.
public final class HTTPClientConnection: HTTPClientStream {
    private enum State {
        case idle
        case busy
        case closed
    }

    /// All of its pool's to the same server.
    public let server: ServerConnections
    let kind: HTTPConnectionKind
    /// For whom it was opened, where a PROXY header told the server so.
    let client: ProxyHeader
    private let stream: ByteStream
    let pool: HTTPConnectionPool
    // Used for each request, where that check shows in the profile.
    @safe @exclusivity(unchecked) private var parser: HTTPParser
    private let input = InputBuffer()
    private var state = State.idle
    @safe @exclusivity(unchecked) private var exchange: (any HTTPClientExchange)?
    private var requestBody = RequestBody.none
    /// The request's head waits in ``output`` for the first of its body.
    private var isHeadHeld = false
    private var isRequestEnded = true
    private var isResponseEnded = true
    private var isReusable = true
    private var isPaused = false
    private var isProcessing = false
    private let timer: WheelTimer
    /// How long the server may make no progress with the present response.
    private var responseTimeout: Duration

    private enum RequestBody {
        case none
        case length(remaining: UInt64)
        case chunked
        /// The server has agreed to another protocol: bytes go both ways as they are.
        case tunnel
    }

    @safe @exclusivity(unchecked) public private(set) var isReused = false
    /// Of a request with a body: a head that is held, the framing of chunks.
    @safe @exclusivity(unchecked) private var output = HTTPSerializer()

    init(
        _ stream: ByteStream, to server: ServerConnections, as kind: HTTPConnectionKind, for client: ProxyHeader,
        pool: HTTPConnectionPool
    ) {
        self.stream = stream
        self.server = server
        self.kind = kind
        self.client = client
        self.pool = pool
        parser = .responses(limits: pool.settings.limits)
        responseTimeout = pool.settings.responseTimeout
        timer = WheelTimer(on: pool.wheel)
        timer.onExpiry = { [self] in timeOut() }
        stream.delegate = self
        stream.startReading()
    }

    public var loop: EventLoop { stream.loop }

    // MARK: Request

    public func begin(_ exchange: any HTTPClientExchange, responseTimeout: Duration?) {
        guard case .idle = state else { preconditionFailure("one request at a time") }
        self.responseTimeout = responseTimeout ?? pool.settings.responseTimeout
        state = .busy
        self.exchange = exchange
        isRequestEnded = false
        isResponseEnded = false
        isReusable = true
        let timeout = self.responseTimeout
        timer.arm(after: stream.isHandshaking ? min(timeout, pool.settings.handshakeTimeout) : timeout)
    }

    public func sendHead(_ head: RawSpan, method: HTTPMethod, framing: MessageHead.Framing) {
        guard case .busy = state else { return }
        parser.expectResponse(to: method)
        switch framing {
        case .none, .untilClose, .length(0):
            isRequestEnded = true
            return stream.write(head)
        case .length(let length): requestBody = .length(remaining: length)
        case .chunked: requestBody = .chunked
        }
        output.appendLines(head)
        holdHead()
    }

    /// What is here of the body already, as mostly of a short one, leaves in one write with the head.
    private func holdHead() {
        isHeadHeld = true
        loop.submitLocally { [self] in
            if isHeadHeld { writeOutput() }
        }
    }

    private func writeOutput(moreFollows: Bool = false) {
        isHeadHeld = false
        unsafe stream.write(output.bytes.span.bytes, moreFollows: moreFollows)
        output.removeAll()
    }

    /// A large piece goes past ``output``, whose memory the connection keeps.
    private func writeBody(_ bytes: RawSpan) {
        guard isHeadHeld else { return stream.write(bytes) }
        guard bytes.byteCount > 4096 else {
            output.appendBody(bytes)
            return writeOutput()
        }
        writeOutput(moreFollows: true)
        stream.write(bytes)
    }

    public func sendBody(_ bytes: RawSpan) {
        guard case .busy = state, !isRequestEnded, bytes.byteCount > 0 else { return }
        awaitProgress()
        switch requestBody {
        case .none: return
        case .length(let remaining):
            guard UInt64(bytes.byteCount) <= remaining else { return fail(.cancelled) }
            requestBody = .length(remaining: remaining - UInt64(bytes.byteCount))
            writeBody(bytes)
        case .chunked:
            output.appendChunk(bytes)
            writeOutput()
        case .tunnel: stream.write(bytes)
        }
    }

    public func endRequest(trailers: TrailerFields) {
        guard case .busy = state, !isRequestEnded else { return }
        isRequestEnded = true
        switch requestBody {
        case .none: break
        case .length(let remaining): if remaining > 0 { return fail(.cancelled) }
        case .chunked:
            output.endChunks(trailers)
            writeOutput()
        case .tunnel:
            stream.endWriting()
            timer.arm(after: pool.settings.idleTimeout)  // For the server to close, too.
        }
        requestBody = .none
        finishIfOver()
    }

    /// Has bytes go both ways as they are, by ``sendBody(_:)`` until ``endRequest()`` and by
    /// ``HTTPClientExchange/responseBodyDidArrive(_:)``: the server has answered 101. Silence is no fault then.
    public func beginTunnel() {
        guard case .busy = state, isRequestEnded else { return }
        isRequestEnded = false
        requestBody = .tunnel
        timer.disarm()
    }

    private func awaitProgress() {
        if case .tunnel = requestBody { return }
        if !stream.isHandshaking { timer.arm(after: responseTimeout) }
    }

    public var canWrite: Bool { stream.queuedBytes < pool.settings.highWaterBytes }

    public func cancel() {
        exchange = nil
        resetIfWaiting()
        close()
    }

    /// Has the server know that nobody waits for its answer any more: closed only, the connection could be one whose
    /// client still reads. What goes through a tunnel is let through.
    private func resetIfWaiting() {
        guard case .busy = state, !isResponseEnded else { return }
        if case .tunnel = requestBody { return }
        stream.reset()
    }

    // MARK: Response

    public func pauseResponse() {
        guard case .busy = state else { return }
        isPaused = true
        timer.disarm()
        stream.stopReading()
    }

    public func resumeResponse() {
        guard isPaused else { return }
        isPaused = false
        awaitProgress()
        loop.submitLocally { [self] in
            guard !isPaused, !isProcessing else { return }
            input.consumeKept { process($0) }
            if case .closed = state { return }
            if !isPaused { stream.startReading() }
        }
    }

    private func process(_ bytes: RawSpan) -> Int {
        guard let exchange else { return bytes.byteCount }  // Nobody waits for it any more.
        return process(bytes, for: exchange)
    }

    private func process(_ bytes: RawSpan, for exchange: any HTTPClientExchange) -> Int {
        var offset = 0
        isProcessing = true
        defer { isProcessing = false }
        while case .busy = state, !isPaused, !isResponseEnded {
            let rest = bytes.extracting(droppingFirst: offset)
            do throws(HTTPError) {
                switch try parser.next(in: rest) {
                case .needMore: return offset
                case .head(let consumed):
                    offset += consumed
                    let head = parser.head
                    if head.framing == .chunked { try checkAhead(rest.extracting(droppingFirst: consumed)) }
                    if !head.isInterim { isReusable = head.keepAlive && head.framing != .untilClose }
                    exchange.responseDidBegin(head, rest)
                case .body(let range, let consumed):
                    offset += consumed
                    exchange.responseBodyDidArrive(rest.extracting(range))
                case .trailers(let range, let consumed):
                    offset += consumed
                    exchange.responseTrailersDidArrive(rest.extracting(range))
                case .end(let consumed):
                    offset += consumed
                    // Input behind the response was not asked for: the next request must not take it for its answer.
                    if offset < bytes.byteCount { isReusable = false }
                    endResponse()
                }
            } catch {
                fail(.malformedResponse(error))
            }
        }
        if case .closed = state { return bytes.byteCount }
        return offset
    }

    /// Looks whether what came with a head breaks HTTP, while nobody has been told of that head: it can still be
    /// answered otherwise, or asked elsewhere. Only chunks are able to.
    private func checkAhead(_ bytes: RawSpan) throws(HTTPError) {
        var scout = parser
        var offset = 0
        while true {
            switch try scout.next(in: bytes.extracting(droppingFirst: offset)) {
            case .needMore, .head, .end: return
            case .body(_, let consumed), .trailers(_, let consumed): offset += consumed
            }
        }
    }

    private func endResponse() {
        isResponseEnded = true
        timer.disarm()
        guard isRequestEnded else {
            // The answer came before the question was over: the rest of the question is of no use.
            isReusable = false
            isRequestEnded = true
            return finishIfOver()
        }
        finishIfOver()
    }

    private func finishIfOver() {
        guard case .busy = state, isRequestEnded, isResponseEnded else { return }
        let exchange = exchange.take()
        state = .idle
        isReused = true
        if isReusable { pool.take(back: self) } else { close() }
        exchange?.responseDidEnd()
    }

    // MARK: End

    /// Closes the connection if it rests in its pool for that long.
    func rest(for duration: Duration) { timer.arm(after: duration) }

    private func timeOut() {
        switch state {
        case .idle: close()
        case .busy:
            resetIfWaiting()
            fail(.timedOut)
        case .closed: break
        }
    }

    private func fail(_ cause: HTTPClientFailure.Cause) {
        let exchange = exchange
        self.exchange = nil
        close()
        // What is written before the handshake is through does not leave this machine.
        exchange?.exchangeDidFail(HTTPClientFailure(cause, mayHaveBeenReceived: !stream.isHandshaking))
    }

    /// Closes the connection from outside; a request under way fails with that cause.
    func end(_ cause: HTTPClientFailure.Cause) {
        guard case .busy = state else { return close() }
        fail(cause)
    }

    /// Idempotent. The exchange hears nothing more.
    func close() {
        if case .closed = state { return }
        state = .closed
        exchange = nil
        timer.invalidate()
        stream.close()
        pool.forget(self)
    }
}

extension HTTPClientConnection: ByteStreamDelegate {
    public func streamDidRead(_ bytes: RawSpan) {
        switch state {
        case .idle: close()  // An answer to nothing.
        case .busy:
            input.add(bytes) { process($0) }
            if case .busy = state, !isPaused { awaitProgress() }  // Mostly it is over.
        case .closed: break
        }
    }

    public func streamDidFinishHandshake() {
        if case .busy = state, !isPaused { awaitProgress() }
    }

    public func streamDidEnd() {
        guard case .busy = state else { return close() }
        isReusable = false
        do throws(HTTPError) {
            if try parser.handleEndOfInput() { endResponse() } else { fail(.closed) }
        } catch {
            fail(.closed)
        }
    }

    public func streamDidDrain() { exchange?.requestDidDrain() }

    public func streamDidFail(_ error: TransportError) {
        guard case .busy = state else { return close() }
        fail(.connection(error))
    }
}
