internal import IgropyrHTTP
public import IgropyrUV

/// A client's connection in HTTP/1.1: takes one request after the other, and a response to each, in order.
public final class HTTPServerConnection: HTTPServerStream {
    /// Where the request is that is being handled.
    enum RequestState {
        /// Between messages, or within a head.
        case none
        case body
        case ended
        /// Bytes go both ways, in whatever protocol was agreed on.
        case tunnel
    }

    enum ResponseState {
        case notBegun
        case head(ResponseBody)
        case body(ResponseBody)
        case ended
    }

    /// On the heap, since mostly nobody asks.
    private final class KnownAddresses {
        private let stream: ByteStream
        let peer: SocketAddress?
        let peerHostText: String?
        lazy var local = stream.localAddress

        init(of stream: ByteStream) {
            self.stream = stream
            peer = stream.peerAddress
            peerHostText = peer?.hostText
        }
    }

    // What follows is for this class only; its parts stand in several files.

    public let server: HTTPServer
    let stream: ByteStream
    // Those that are unchecked are used several times for each request, where the runtime's check that nobody else uses
    // them meanwhile shows in the profile.
    @safe @exclusivity(unchecked) var parser: HTTPParser
    let input = InputBuffer()
    @safe @exclusivity(unchecked) var output = HTTPSerializer()
    var response = ResponseState.notBegun
    /// Where the response's head begins in `output`.
    var responseStart: UInt32 = 0
    var requestCount: UInt32 = 0
    /// Of the request that is being handled.
    var method = HTTPMethod.get
    var version = MessageHead.Version.http11
    // What is small stands together, so that it takes little of a connection that rests.
    var request = RequestState.none
    var isProcessing = false
    var isDraining = false
    var isLingering = false
    var isClosed = false
    var hasPeerEnded = false
    /// The client was asked for a sign of life.
    var hasProbed = false
    /// Until TLS, or the first bytes of a plain connection, tell.
    var mayBeHTTP2: Bool
    var keepsAlive = true
    var isBodyPaused = false
    /// Further requests have arrived, and the client has to take of what is queued first.
    var isAwaitingRoom = false
    /// The response that was begun agrees to another protocol.
    var opensTunnel = false
    /// The response that was begun is not the last one to its request.
    var isInterim = false
    var place: Int32?
    /// Bytes of the request's body that are to come as far as is known; `.max` while the client waits to be told to go
    /// on, and may never send them.
    var bodyLeft: UInt64 = 0
    /// Bytes of the body that came after the answer was complete.
    private var unreadBytes: UInt32 = 0
    /// What had not arrived when the timer was last looked at.
    var untakenAtLastCheck: UInt32 = 0
    /// Of the body that is arriving; nil for a request without one.
    var bodyRate: TransferRate?
    /// What the kernel was asked once; kept after the connection has ended.
    private var knownAddresses: KnownAddresses?
    let timer: WheelTimer
    /// Looks after a client that is not read from; nil before there was a need.
    var watch: WheelTimer?
    var client: ClientLimit.Client?

    @safe @exclusivity(unchecked) public var exchange: (any HTTPServerExchange)?

    init(_ stream: ByteStream, server: HTTPServer) {
        self.stream = stream
        self.server = server
        parser = .requests(limits: server.settings.limits)
        timer = WheelTimer(on: server.wheel)
        mayBeHTTP2 = server.settings.http2.isEnabled
    }

    func start() {
        timer.onExpiry = { [self] in timeOut() }
        let settings = server.settings
        timer.arm(after: stream.isHandshaking ? settings.handshakeTimeout : settings.headTimeout)
        stream.delegate = self
        stream.startReading()
    }

    public var loop: EventLoop { stream.loop }
    public var peerAddress: SocketAddress? {
        askForAddresses()
        return knownAddresses?.peer
    }
    public var peerHostText: String? {
        askForAddresses()
        return knownAddresses?.peerHostText
    }
    public var localAddress: SocketAddress? {
        askForAddresses()
        return knownAddresses?.local
    }
    private func askForAddresses() {
        if knownAddresses == nil { knownAddresses = KnownAddresses(of: stream) }
    }
    public var isEncrypted: Bool { stream.showsCertificate }

    // MARK: Request

    func process(_ bytes: RawSpan) -> Int {
        var offset = 0
        isProcessing = true
        isAwaitingRoom = false
        defer { isProcessing = false }
        while mayParse {
            let rest = bytes.extracting(droppingFirst: offset)
            do throws(HTTPError) {
                switch try parser.next(in: rest) {
                case .needMore: return offset
                case .head(let consumed):
                    offset += consumed
                    begin(parser.head, rest)
                case .body(let range, let consumed):
                    offset += consumed
                    bodyRate?.add(range.count)
                    bodyDidArrive(rest.extracting(range))
                case .trailers(let range, let consumed):
                    offset += consumed
                    exchange?.requestTrailersDidArrive(rest.extracting(range))
                case .end(let consumed):
                    offset += consumed
                    endRequest()
                    guard offset < bytes.byteCount else { return offset }
                }
            } catch {
                refuse(error)
                return bytes.byteCount
            }
        }
        if case .none = request { isAwaitingRoom = !isClosed && !isLingering && offset < bytes.byteCount }
        if case .tunnel = request, !isClosed, !isLingering, !isBodyPaused, offset < bytes.byteCount {
            exchange?.requestBodyDidArrive(bytes.extracting(droppingFirst: offset))
            return bytes.byteCount
        }
        return isClosed || isLingering ? bytes.byteCount : offset
    }

    /// Whether the next bytes may be looked at: not before the response to the last request is complete, and not while
    /// the client leaves lying what it has asked for.
    var mayParse: Bool {
        guard !isClosed, !isLingering, !isBodyPaused else { return false }
        switch request {
        case .none: return canWrite
        case .body: return true
        case .ended, .tunnel: return false
        }
    }

    func begin(_ head: MessageHead, _ bytes: RawSpan) {
        server.count(\.requests)
        request = .body
        response = .notBegun
        method = head.method
        version = head.version
        requestCount &+= 1
        keepsAlive = head.keepAlive && !isDraining && Int(requestCount) < server.settings.requestsPerConnection
        if head.framing != .none {
            bodyRate = TransferRate()
            bodyRate?.run(at: loop.now)
            bodyLeft = head.expectContinue ? .max : head.framing.knownBytes
            unreadBytes = 0
        }
        if head.framing != .none || stream.queuedBytes > 0 { timer.arm(after: server.settings.progressTimeout) }
        server.handler.handle(head, bytes, on: self)
        if server.isDraining { exchange?.serverWillDrain() }  // It was on its way when the others were told.
        if head.expectContinue, case .notBegun = response, head.framing != .none, !isClosed {
            borrowMemory()
            try? output.beginResponse(status: 100)
            output.endHead()
            bodyLeft = head.framing.knownBytes
            flush()
        }
    }

    private func bodyDidArrive(_ bytes: RawSpan) {
        if bodyLeft > 0, bodyLeft != .max { bodyLeft -= UInt64(bytes.byteCount) }
        if let exchange { return exchange.requestBodyDidArrive(bytes) }
        unreadBytes = UInt32(clamping: Int(unreadBytes) + bytes.byteCount)
        if Int(unreadBytes) > server.settings.unreadBodyBytes { keepsAlive = false }
    }

    func endRequest() {
        guard !opensTunnel else { return request = .tunnel }
        request = .ended
        if bodyRate != nil { bodyRate = nil }
        if stream.queuedBytes == 0 { timer.disarm() }  // How long a handler thinks is its own affair.
        if hasPeerEnded { watchClient() }
        exchange?.requestDidEnd()
        finishExchangeIfOver()
    }

    public func pauseBody() {
        switch request {
        case .body, .tunnel: break
        case .none, .ended: return
        }
        isBodyPaused = true
        bodyRate?.pause(at: loop.now)
        if stream.queuedBytes == 0 { timer.disarm() }
        stream.stopReading()
        watchClient()
    }

    public func resumeBody() {
        guard isBodyPaused else { return }
        isBodyPaused = false
        bodyRate?.run(at: loop.now)
        if case .body = request { timer.arm(after: server.settings.progressTimeout) }
        loop.submitLocally { [self] in goOn() }
    }

    /// Looks at what was held back, then reads on.
    func goOn() {
        guard !isClosed, !isProcessing, !isBodyPaused else { return }
        if input.isEmpty {
            let none: [UInt8] = []
            unsafe _ = process(none.span.bytes)  // The end of a body needs no more input to be seen.
        } else {
            input.consumeKept { process($0) }
        }
        dropRestOfBody()
        flush()
        guard !isAwaitingRoom else { return goOnOnceThereIsRoom() }
        if hasPeerEnded, case .none = request { return linger() }
        if hasPeerEnded, case .tunnel = request { exchange?.requestDidEnd() }
        if !isClosed, !isBodyPaused, !hasPeerEnded, input.count < server.settings.pipelineBytes {
            stream.startReading()
        }
    }

    /// Else ``streamDidDrain()`` does.
    func goOnOnceThereIsRoom() {
        if isAwaitingRoom, canWrite { loop.submitLocally { [self] in goOn() } }
    }
}

extension MessageHead.Framing {
    /// Of the body; 0 where only its end will tell.
    fileprivate var knownBytes: UInt64 { if case .length(let bytes) = self { bytes } else { 0 } }
}
