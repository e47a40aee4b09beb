/// A program that answers one request, whichever way it is talked to; stays on its loop.
protocol GatewayConversation: AnyObject {
    /// Tells the program of the request.
    func begin() throws
    /// Sends a part of the request's body; waits while the program does not keep up.
    /// - Throws: if it takes no more: it need not read what it does not want.
    func send(_ bytes: [UInt8]) async throws
    /// The body is whole.
    func endBody() throws
    /// The next part of what the program answers; nil at the end. `limit` is how long it may say nothing.
    /// - Throws: `UV_ETIMEDOUT`; what broke the connection; after ``end()`` `CancellationError` if the task was
    ///   cancelled.
    func read(within limit: Duration?) async throws -> [UInt8]?
    /// All of the answer that ``read(within:)`` has not given, if it is here already; nil if there may be more to wait
    /// for, and then nothing of it is lost.
    func heldRest() throws -> [UInt8]?
    /// Idempotent. The program is to end, if it runs for this request only; whoever waits is told.
    func end()
}

extension GatewayConversation {
    func heldRest() -> [UInt8]? { nil }
}
