internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTransport
internal import IgropyrUV

/// A request that is not answered within one call, or whose response is sent piece by piece: its body on the way in,
/// its response on the way out, and the task between. Lives on the connection's loop.
final class Exchange: HTTPServerExchange {
    /// Bytes of the body held for a handler that has not asked for them yet; then the client has to wait.
    private static let heldBytes = 64 << 10

    private enum BodyState {
        case arriving
        case ended
        case tooLarge
        /// The client is gone, or has got its response.
        case cut
    }

    let connection: any HTTPServerStream
    private let bodyLimit: Int
    private var bodyBytes = 0
    private var bodyState: BodyState
    private var held: [UInt8] = []
    /// Of the request, once its body has ended.
    private(set) var requestTrailers: HTTPFields?
    /// What is to follow the response's body.
    var responseTrailers: HTTPFields?
    // Unchecked, since the runtime's check that nobody else uses them meanwhile shows in the profile of a request.
    @safe @exclusivity(unchecked) private var reader: CheckedContinuation<Void, Never>?
    @safe @exclusivity(unchecked) private var writer: CheckedContinuation<Void, Never>?
    private var transfer: FileTransfer?
    private var task: Task<Void, Never>?
    /// Called as the task is cancelled.
    var onAbandon: (() -> Void)?
    /// Called, once at most, when the server is about to stop.
    var onDrain: (() -> Void)?
    private(set) var isDraining = false
    /// The task has begun, and not ended.
    var isRunning = false
    /// Gets what arrives from then on.
    var webSocket: WebSocketConnection?
    /// Its head has been sent, or is about to be.
    var hasResponse = false
    /// The response has ended, or nobody will read it: the connection is no longer ours.
    private(set) var isOver = false {
        didSet { if isOver, !oldValue { report() } }
    }
    var observer: RequestObserver?
    /// What ``observer`` is told of at the end; nil if nobody observes.
    var observation: Observation?
    /// Of the response's head; 0 before there is one.
    var status = 0
    private var sentBytes = 0

    /// A request that has no body is whole with its head: who asks for the body anyhow need not wait for a turn of the
    /// loop.
    init(on connection: any HTTPServerStream, bodyLimit: Int, hasBody: Bool) {
        self.connection = connection
        self.bodyLimit = bodyLimit
        bodyState = hasBody ? .arriving : .ended
    }

    /// Of the response's body, as far as they were handed to the connection.
    var responseBytes: Int { sentBytes + (transfer?.sentBytes ?? 0) }

    func noteSent(_ count: Int) { sentBytes += count }

    func run(_ task: Task<Void, Never>) { self.task = task }

    func cancelTask() {
        task?.cancel()
        onAbandon?()
        onAbandon = nil
    }

    /// Whether `error` says no more than that nobody waits for the rest of the response: the client is gone, or was
    /// told that it takes too long. Who throws a `CancellationError`, or a database's, for another reason has failed.
    func isAbandoned(with error: any Error) -> Bool {
        error.tellsOfCancellation && (Task.isCancelled || isOver)
    }

    func send(_ transfer: FileTransfer) {
        self.transfer = transfer
        transfer.onEnd = { [weak self] in self?.isOver = true }
        transfer.goOn()
    }

    func endResponse(_ trailers: TrailerFields = TrailerFields()) {
        guard !isOver else { return }
        isOver = true
        connection.endResponse(trailers: trailers)
        endBody(.cut)  // Nothing more of it will arrive here.
    }

    /// Cuts the connection: a response that was begun cannot be told to have failed in any other way.
    func abort() {
        guard !isOver else { return }
        isOver = true
        connection.abort()
        endBody(.cut)
    }

    // MARK: Body

    /// It has been whole, and nothing of it is left.
    var isBodyAtEnd: Bool { if case .ended = bodyState { held.isEmpty } else { false } }

    func nextPiece() async throws -> [UInt8]? {
        while held.isEmpty {
            switch bodyState {
            case .ended: return nil
            case .tooLarge: throw HTTPFailure(.contentTooLarge)
            case .cut: throw CancellationError()
            case .arriving:
                guard reader == nil else { throw HTTPFailure(.internalServerError, "The body has two readers.") }
                // What happens before this runs must not be waited for.
                await withCheckedContinuation { continuation in
                    guard case .arriving = bodyState, held.isEmpty, reader == nil else { return continuation.resume() }
                    reader = continuation
                }
            }
        }
        let piece = held
        held = []
        if !isOver { connection.resumeBody() }
        return piece
    }

    /// Lets the whole body be read once more.
    func putBack(_ whole: [UInt8]) {
        if case .ended = bodyState { held = whole }
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        if let webSocket { return webSocket.receive(bytes) }
        guard case .arriving = bodyState else { return }
        bodyBytes += bytes.byteCount
        guard bodyBytes <= bodyLimit else {
            held = []
            return endBody(.tooLarge)
        }
        bytes.append(first: bytes.byteCount, to: &held)
        if held.count >= Self.heldBytes { connection.pauseBody() }
        wake(&reader)
    }

    func requestTrailersDidArrive(_ lines: RawSpan) {
        guard webSocket == nil, case .arriving = bodyState else { return }
        requestTrailers = FieldIterator(0..<lines.byteCount).httpFields(in: lines)
    }

    func requestDidEnd() {
        if let webSocket { return webSocket.tunnelDidEnd() }
        endBody(.ended)
    }

    private func endBody(_ state: BodyState) {
        guard case .arriving = bodyState else { return }
        bodyState = state
        wake(&reader)
    }

    // MARK: Response

    func write(_ bytes: [UInt8]) async throws {
        guard !isOver else { throw CancellationError() }
        unsafe connection.sendBody(bytes.span.bytes)
        connection.flush()
        sentBytes += bytes.count
        while !isOver, !connection.canWrite {
            guard writer == nil else { throw HTTPFailure(.internalServerError, "The response has two writers.") }
            await withCheckedContinuation { continuation in
                guard !isOver, !connection.canWrite, writer == nil else { return continuation.resume() }
                writer = continuation
            }
        }
        let loop = connection.loop
        if loop.isTurnLong { await loop.waitForNextTurn() }  // The client takes all at once, and others wait.
        if isOver { throw CancellationError() }
    }

    func responseDidDrain() {
        transfer?.goOn()
        webSocket?.tunnelDidDrain()
        wake(&writer)
    }

    func clientDidAbort() {
        isOver = true
        webSocket?.tunnelDidAbort()
        cancelTask()
        transfer?.cancel()
        held = []
        endBody(.cut)
        wake(&writer)
    }

    func requestWasRefused(status: Int) {
        self.status = status
        clientDidAbort()
    }

    func serverWillDrain() {
        isDraining = true
        webSocket?.close(.goingAway)
        onDrain?()
        onDrain = nil
    }

    private func report() {
        guard let observer, let observation else { return }
        self.observation = nil  // It holds the request, and the request this.
        observer.end(observation, status: status == 0 ? 499 : status, bodyBytes: responseBytes)
    }

    private func wake(_ waiting: inout CheckedContinuation<Void, Never>?) {
        guard waiting != nil else { return }
        waiting?.resume()
        waiting = nil
    }
}
