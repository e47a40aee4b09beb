internal import IgropyrCoding

/// Writes the body of a streamed response; stays on the connection's loop.
public struct ResponseWriter {
    let exchange: Exchange
    private let encoder: ContentEncoder?

    init(exchange: Exchange, encoder: ContentEncoder? = nil) {
        self.exchange = exchange
        self.encoder = encoder
    }

    /// Sends text at once, and waits while the client does not keep up.
    /// - Throws: `CancellationError` when the client is gone.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Sends bytes at once, and waits while the client does not keep up.
    /// - Throws: `CancellationError` when the client is gone.
    public func write(_ bytes: [UInt8]) async throws {
        guard let encoder else { return try await exchange.write(bytes) }
        try await exchange.write(try await encoder.encode(bytes, .flush, on: exchange.connection.loop))
    }

    /// Writes what ends a body that was compressed.
    func finish() async throws {
        guard let encoder else { return }
        try await exchange.write(try await encoder.encode([], .finish, on: exchange.connection.loop))
    }
}
