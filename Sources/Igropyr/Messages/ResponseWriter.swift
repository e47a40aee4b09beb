/// Writes the body of a streamed response; stays on the connection's loop.
public struct ResponseWriter {
    let exchange: Exchange

    /// Sends text at once, and waits while the client does not keep up.
    /// - Throws: `CancellationError` when the client is gone.
    public func write(_ text: String) async throws { try await exchange.write(Array(text.utf8)) }

    /// Sends bytes at once, and waits while the client does not keep up.
    /// - Throws: `CancellationError` when the client is gone.
    public func write(_ bytes: [UInt8]) async throws { try await exchange.write(bytes) }
}
