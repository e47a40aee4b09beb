public import IgropyrHTTP
public import IgropyrUV

/// The body of a request that somebody writes piece by piece while the request is made; stays on its loop.
public final class HTTPUploadStream {
    /// In bytes, which the pieces must add up to; nil for a body that says when it ends.
    let length: UInt64?
    /// Whether any of it has left, be it no more than its end: then it cannot be sent again.
    public private(set) var hasBegun = false

    private let loop: EventLoop
    private let writers = WaitingTasks()
    /// Nil before the request's head and after the end.
    private var connection: (any HTTPClientStream)?
    private var isOver = false
    /// Why the rest of it cannot be had.
    private var failure: (any Error)?
    /// Ends the request that is made with it.
    private var onFailure: ((any Error) -> Void)?

    public init(on loop: EventLoop, length: UInt64?) {
        self.loop = loop
        self.length = length
    }

    /// Sends a piece once the server keeps up with those before.
    /// - Returns: Whether more may follow; false once the response is whole, or will not come.
    /// - Throws: `CancellationError`.
    public func write(_ bytes: [UInt8]) async throws -> Bool {
        await writers.wait(on: loop) { !isOver && !canWrite }
        try Task.checkCancellation()
        guard !isOver, let connection else { return false }
        hasBegun = true
        unsafe connection.sendBody(bytes.span.bytes)
        if loop.isTurnLong { await loop.waitForNextTurn() }  // The server takes all at once, and others wait.
        return !isOver
    }

    /// Says that this was all, but for the trailers, which are left out behind a body of known length.
    /// - Throws: `CancellationError`.
    public func end(_ trailers: TrailerFields = TrailerFields()) async throws {
        await writers.wait(on: loop) { !isOver && !isAttached }
        try Task.checkCancellation()
        endRequest(trailers)
    }

    /// Nobody wants more of it. Idempotent.
    public func finish() {
        isOver = true
        detach()
    }

    /// The rest of it cannot be had: the request that is made with it, or will be, fails with `error`, or breaks off if
    /// its response has begun.
    public func fail(_ error: any Error) {
        let onFailure = onFailure
        failure = error
        finish()
        onFailure?(error)
    }

    /// A request is made with it, which `onFailure` ends; perhaps at once.
    func begin(onFailure: @escaping (any Error) -> Void) {
        if let failure { return onFailure(failure) }
        self.onFailure = onFailure
    }

    /// The head of the request is on its way.
    func attach(_ connection: any HTTPClientStream) {
        guard !isOver else { return }
        self.connection = connection
        writers.wake()
    }

    /// The request has failed there.
    func detach() {
        (connection, onFailure) = (nil, nil)
        writers.wake()
    }

    func drain() { writers.wake() }

    private var isAttached: Bool { connection != nil }

    private var canWrite: Bool { connection?.canWrite ?? false }

    private func endRequest(_ trailers: TrailerFields) {
        guard let connection else { return }
        hasBegun = true
        finish()
        connection.endRequest(trailers: trailers)
    }
}
