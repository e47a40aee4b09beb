public import IgropyrHTTP
internal import IgropyrTransport
internal import IgropyrUV

/// An open WebSocket, a server's or a client's; lives on the loop of its connection, and may be used from anywhere.
///
/// Pings are answered, and the connection kept alive, without a word from the handler.
public actor WebSocket {
    nonisolated let loop: EventLoop
    /// The one of ``WebSocketSettings/subprotocols`` that both ends agreed on.
    nonisolated public let subprotocol: String?
    private let connection: WebSocketConnection
    private let heldLimit: Int
    private var held = HeldMessages()
    private let readers = WaitingTasks()
    private let writers = WaitingTasks()
    private var hasReader = false
    /// Called on the loop at the end if nobody has ever asked for a message.
    private let onUnreadEnd: (@Sendable () -> Void)?
    /// Why it is closed; nil while it is open, and while this end waits for the other to agree that it is closed.
    public private(set) var closure: WebSocketClosure?

    nonisolated public var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// On the loop, which alone touches the connection.
    init(
        _ connection: WebSocketConnection, on loop: EventLoop, subprotocol: String?, heldBytes: Int,
        onUnreadEnd: (@Sendable () -> Void)? = nil
    ) {
        self.loop = loop
        self.subprotocol = subprotocol
        self.connection = connection
        self.onUnreadEnd = onUnreadEnd
        heldLimit = heldBytes
        connection.onEvent = { event in self.assumeIsolated { $0.handle(event) } }
    }

    // MARK: Receiving

    /// What the peer sends. Ends when the WebSocket is closed, and throws the ``WebSocketClosure`` of one that broke.
    /// For one task; what is not read makes the peer wait.
    nonisolated public var messages: Messages { Messages(socket: self) }

    public struct Messages: AsyncSequence, Sendable {
        public typealias Element = WebSocketMessage

        let socket: WebSocket

        public func makeAsyncIterator() -> Iterator { Iterator(socket: socket) }

        public struct Iterator: AsyncIteratorProtocol {
            let socket: WebSocket

            public func next() async throws -> WebSocketMessage? { try await socket.receive() }
        }
    }

    /// The next message; nil once the WebSocket is closed.
    /// - Throws: the ``WebSocketClosure`` of one that broke; `CancellationError`.
    public func receive() async throws -> WebSocketMessage? {
        hasReader = true
        while true {
            if let message = held.popFirst() {
                if held.bytes < heldLimit { connection.resumeReading() }
                return message
            }
            if let closure {
                guard closure.isOrderly else { throw closure }
                return nil
            }
            try Task.checkCancellation()
            await readers.wait(on: loop) { held.isEmpty && closure == nil }
        }
    }

    // MARK: Sending

    /// Sends a message, once the peer keeps up with those before.
    /// - Throws: ``WebSocketClosure`` when the WebSocket is closed or about to be; `CancellationError`, and then
    ///   nothing is sent.
    public func send(_ message: WebSocketMessage) async throws {
        while connection.isOpen, !connection.canWrite {
            try Task.checkCancellation()
            await writers.wait(on: loop) { connection.isOpen && !connection.canWrite }
        }
        guard connection.isOpen else { throw closure ?? WebSocketClosure(code: .normal) }
        connection.send(message)
    }

    /// Sends a text, as ``send(_:)-(WebSocketMessage)`` does.
    public func send(_ text: String) async throws { try await send(.text(text)) }

    /// Sends bytes, as ``send(_:)-(WebSocketMessage)`` does.
    public func send(_ bytes: [UInt8]) async throws { try await send(.binary(bytes)) }

    /// Sends a message if that needs no waiting: for who has many peers to tell, and cannot wait for the slowest.
    /// - Returns: Whether it was sent; false if the peer does not keep up, or the WebSocket is closed.
    @discardableResult
    public func offer(_ message: WebSocketMessage) -> Bool {
        guard connection.isOpen, connection.canWrite else { return false }
        connection.send(message)
        return true
    }

    /// Begins to close; ``messages`` ends once the peer has agreed, or had ``WebSocketSettings/closeTimeout`` to do so.
    /// Idempotent. Of `reason`, 123 bytes are sent at most.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") {
        connection.close(code, reason: reason)
    }

    // MARK: The connection's word

    private func handle(_ event: WebSocketConnection.Event) {
        switch event {
        case .message(let message):
            held.append(message)
            if held.bytes >= heldLimit { connection.pauseReading() }
            readers.wake()
        case .drained: writers.wake()
        case .closed(let code, let reason):
            closure = WebSocketClosure(code: code, reason: reason)
            readers.wake()
            writers.wake()
            if !hasReader { onUnreadEnd?() }
        }
    }

    /// Waits for the end.
    func closed() async {
        await readers.wait { closure == nil }
    }
}

/// How and why a WebSocket was closed.
public struct WebSocketClosure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the peer said; ``WebSocketCloseCode/abnormal`` if the connection broke, and if the peer broke the rules or
    /// a limit, which of them.
    public var code: WebSocketCloseCode
    public var reason: String

    /// Whether both ends wanted it.
    public var isOrderly: Bool { [.normal, .goingAway, .noStatus].contains(code) }

    public init(code: WebSocketCloseCode, reason: String = "") {
        self.code = code
        self.reason = reason
    }

    public var description: String {
        guard code != .abnormal else { return "the connection broke" }
        return reason.isEmpty ? "closed with \(code.rawValue)" : "closed with \(code.rawValue): \(reason)"
    }
}

/// Messages that nobody has asked for yet.
private struct HeldMessages {
    /// What a message takes beside its bytes, so that empty ones count, too.
    private static let overhead = 64

    private var messages: [WebSocketMessage] = []
    private var taken = 0
    private(set) var bytes = 0

    var isEmpty: Bool { taken == messages.count }

    mutating func append(_ message: WebSocketMessage) {
        messages.append(message)
        bytes += Self.overhead + message.byteCount
    }

    mutating func popFirst() -> WebSocketMessage? {
        guard taken < messages.count else { return nil }
        let message = messages[taken]
        taken += 1
        bytes -= Self.overhead + message.byteCount
        if taken == messages.count {
            (messages, taken) = ([], 0)
        } else if taken == 256 {  // Seldom enough to cost nothing, soon enough to hold little.
            messages.removeFirst(taken)
            taken = 0
        }
        return message
    }
}

extension WebSocketMessage {
    fileprivate var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}
