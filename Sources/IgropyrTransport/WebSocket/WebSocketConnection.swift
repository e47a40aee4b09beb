internal import IgropyrCoding
public import IgropyrHTTP
public import IgropyrUV

/// One end of an open WebSocket; stays on its loop. Its owner gives it what the tunnel brings.
///
/// It answers pings and the peer's close frame by itself, and keeps the connection alive.
public final class WebSocketConnection {
    /// What it tells its user.
    public enum Event: Sendable {
        case message(WebSocketMessage)
        /// The peer has taken what was queued: go on with what waited.
        case drained
        /// Nothing more comes or goes: the last event. The code is the peer's, ``WebSocketCloseCode/abnormal`` if the
        /// connection broke, or why this end gave up.
        case closed(WebSocketCloseCode, reason: String)
    }

    private enum State {
        case open
        /// A close frame went out; the peer's is missing.
        case closing
        case closed
    }

    /// Who this end is, and so whether its frames are masked.
    public enum Role: Sendable {
        case server
        case client
    }

    /// Nil once the WebSocket has closed.
    private var tunnel: (any WebSocketTunnel)?
    private let loop: EventLoop
    private let role: Role
    private let settings: WebSocketSettings
    private let deflate: WebSocketDeflate?
    private var decoder: WebSocketDecoder
    private var state = State.open
    private var timer: WheelTimer?
    /// Something arrived since the timer was last looked at.
    private var hasHeard = false
    /// A ping is out, and nothing was heard since.
    private var awaitsSign = false
    private var isPaused = false
    /// What had arrived when reading was paused, and was not looked at yet.
    private var unread: [UInt8] = []
    /// The peer sends nothing after ``unread``.
    private var hasPeerEnded = false
    /// A ping that came while the peer took nothing; a later one replaces it (RFC 6455 §5.5.3).
    private var owedPong: [UInt8]?
    private var random = SystemRandomNumberGenerator()

    /// Called on the loop; held until the WebSocket has closed.
    public var onEvent: ((Event) -> Void)?

    public init(
        on tunnel: any WebSocketTunnel, as role: Role, settings: WebSocketSettings, deflate: WebSocketDeflate?,
        wheel: TimerWheel
    ) {
        self.tunnel = tunnel
        loop = tunnel.loop
        self.role = role
        self.settings = settings
        self.deflate = deflate
        decoder = WebSocketDecoder(
            of: role == .server ? .client : .server, messageBytes: settings.messageBytes,
            allowsCompression: deflate != nil)
        timer = WheelTimer(on: wheel) { [self] in timeOut() }
        rest()
    }

    /// Whether the peer keeps up; if not, wait for ``Event/drained``.
    public var canWrite: Bool { tunnel?.canWrite ?? true }

    public var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    /// Sends a message; what the peer does not take at once is queued without a limit: watch ``canWrite``. Does nothing
    /// once the WebSocket is closing.
    public func send(_ message: WebSocketMessage) {
        guard isOpen else { return }
        switch message {
        case .text(let text): send(.text, unsafe text.utf8.span.bytes)
        case .binary(let bytes): send(.binary, unsafe bytes.span.bytes)
        }
    }

    /// Begins the closing handshake. Idempotent. `reason`: 123 bytes at most, the rest is left out.
    public func close(_ code: WebSocketCloseCode, reason: String = "") {
        guard isOpen else { return }
        state = .closing
        sendClose(code, reason)
        timer?.arm(after: settings.closeTimeout)
        goOn()  // The peer's answer must be seen, whoever has not read what came before.
    }

    /// No message arrives until ``resumeReading()``; what the peer sends stays with it.
    public func pauseReading() {
        guard isOpen, !isPaused else { return }
        isPaused = true
        timer?.disarm()  // Nothing can be heard.
        tunnel?.pauseReading()
    }

    /// May deliver messages before it returns.
    public func resumeReading() {
        guard isOpen else { return }
        goOn()
    }

    private func goOn() {
        guard isPaused else { return }
        isPaused = false
        let bytes = unread
        unread = []
        read(unsafe bytes.span.bytes)
        guard !isPaused, !isClosed else { return }
        if hasPeerEnded { return tunnelDidEnd() }
        if isOpen { rest() }
        tunnel?.resumeReading()
    }

    // MARK: The tunnel's word

    public func receive(_ bytes: RawSpan) {
        hasHeard = true
        read(bytes)
    }

    /// The peer sends nothing more.
    public func tunnelDidEnd() {
        guard !isClosed else { return }
        guard !isPaused || unread.isEmpty else { return hasPeerEnded = true }
        tunnel?.endWriting()
        finish(.abnormal, "")
    }

    public func tunnelDidDrain() {
        if isOpen, let pong = owedPong, canWrite {
            owedPong = nil
            send(.pong, unsafe pong.span.bytes)
        }
        onEvent?(.drained)
    }

    /// The connection is gone.
    public func tunnelDidAbort() { finish(.abnormal, "") }

    // MARK: Input

    private var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    private func read(_ bytes: RawSpan) {
        var offset = 0
        do throws(WebSocketError) {
            while !isPaused, !isClosed, let event = try decoder.next(in: bytes, at: &offset) { try handle(event) }
        } catch { return fail(error.closeCode, "\(error)") }
        // One read may expand to a thousand times its size: whoever pauses is not to hold that.
        if isPaused { bytes.extracting(offset...).append(first: bytes.byteCount - offset, to: &unread) }
    }

    private func handle(_ event: WebSocketDecoder.Event) throws(WebSocketError) {
        switch event {
        case .message(let kind, let bytes, let isCompressed):
            guard isOpen else { return }  // It crossed our close frame.
            let bytes = isCompressed ? try expand(bytes) : bytes
            onEvent?(.message(try WebSocketMessage(kind, bytes)))
        case .ping(let payload):
            guard isOpen else { return }
            if canWrite { send(.pong, unsafe payload.span.bytes) } else { owedPong = payload }
        case .pong: break
        case .close(let code, let reason):
            if isOpen { sendClose(code, "") }
            tunnel?.endWriting()
            finish(code, reason)
        }
    }

    private func expand(_ bytes: [UInt8]) throws(WebSocketError) -> [UInt8] {
        do throws(MessageInflater.Failure) {
            guard let inflater = try? codecs.value(on: loop).inflater() else { throw .malformed }
            return try unsafe inflater.expand(bytes.span.bytes, limitBytes: settings.messageBytes)
        } catch {
            switch error {
            case .tooLarge: throw .messageTooLarge
            case .malformed: throw .invalidCompression
            }
        }
    }

    // MARK: Output

    private func send(_ opcode: WebSocketFrame.Opcode, _ payload: RawSpan) {
        var frame: [UInt8] = []
        let isMessage = opcode == .text || opcode == .binary
        if isMessage, payload.byteCount >= settings.minimumCompressedBytes, let deflate,
            let deflater = try? codecs.value(on: loop).deflater(windowBits: deflate.windowBits)
        {
            let compressed = deflater.compress(payload)
            unsafe WebSocketFrame.append(
                opcode, compressed.span.bytes, isCompressed: true, maskingKey: maskingKey, to: &frame)
        } else {
            WebSocketFrame.append(opcode, payload, maskingKey: maskingKey, to: &frame)
        }
        unsafe tunnel?.write(frame.span.bytes)
    }

    private func sendClose(_ code: WebSocketCloseCode, _ reason: String) {
        let payload = WebSocketFrame.closePayload(code, reason)
        send(.close, unsafe payload.span.bytes)
    }

    /// From a source that the peer cannot guess (RFC 6455 §10.3).
    private var maskingKey: UInt32? {
        switch role {
        case .server: nil
        case .client: UInt32.random(in: .min ... .max, using: &random)
        }
    }

    // MARK: End

    private func rest() {
        if let interval = settings.pingInterval { timer?.arm(after: interval) }
    }

    private func timeOut() {
        switch state {
        case .open:
            guard !hasHeard else {
                hasHeard = false
                awaitsSign = false
                return rest()
            }
            guard !awaitsSign else { return cut() }
            awaitsSign = true
            if canWrite { send(.ping, RawSpan()) }
            rest()
        case .closing: cut()
        case .closed: break
        }
    }

    private func cut() {
        tunnel?.abort()
        finish(.abnormal, "")
    }

    private func fail(_ code: WebSocketCloseCode, _ reason: String) {
        guard !isClosed else { return }
        if isOpen { sendClose(code, reason) }
        tunnel?.endWriting()
        finish(code, reason)
    }

    private func finish(_ code: WebSocketCloseCode, _ reason: String) {
        guard !isClosed else { return }
        state = .closed
        tunnel = nil
        timer?.invalidate()
        timer = nil
        owedPong = nil
        onEvent.take()?(.closed(code, reason: reason))
    }
}

/// Since each message is compressed by itself, all WebSockets of a loop share these.
private final class Codecs {
    private var deflaters: [Int: MessageDeflater] = [:]
    private var sharedInflater: MessageInflater?

    func deflater(windowBits: Int) throws(ContentEncoder.OutOfMemory) -> MessageDeflater {
        if let deflater = deflaters[windowBits] { return deflater }
        let deflater = try MessageDeflater(windowBits: windowBits)
        deflaters[windowBits] = deflater
        return deflater
    }

    func inflater() throws(ContentEncoder.OutOfMemory) -> MessageInflater {
        if let sharedInflater { return sharedInflater }
        let inflater = try MessageInflater()
        sharedInflater = inflater
        return inflater
    }
}

private let codecs = LoopLocal { Codecs() }
