public import HTTPTypes
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

    /// Fields that follow the body once the stream has returned, such as a checksum of what was written.
    ///
    /// A client may overlook them, so they are for what is good to know. They are not sent to a client of HTTP/1.0, nor
    /// behind a body whose length was announced; and fields on which framing, routing or the head's meaning rests, such
    /// as `Content-Length` or `Set-Cookie`, are left out (RFC 9110 §6.5.1). Announce their names in a field `Trailer`
    /// of the response, so that recipients can get ready for them.
    public var trailers: HTTPFields {
        get { exchange.responseTrailers ?? HTTPFields() }
        nonmutating set { exchange.responseTrailers = newValue }
    }

    /// Writes what ends a body that was compressed.
    func finish() async throws {
        guard let encoder else { return }
        try await exchange.write(try await encoder.encode([], .finish, on: exchange.connection.loop))
    }
}
