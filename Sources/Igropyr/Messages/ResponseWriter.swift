public import HTTPTypes

/// Writes the body of a streamed response; stays on the connection's loop.
public struct ResponseWriter {
    let exchange: Exchange
    /// What takes the bytes in the client's place, changes them and writes them on.
    private let change: (([UInt8]) async throws -> Void)?

    init(exchange: Exchange) {
        self.exchange = exchange
        change = nil
    }

    /// A writer to the same client, whose pieces go by way of `change`.
    init(to writer: ResponseWriter, through change: @escaping ([UInt8]) async throws -> Void) {
        exchange = writer.exchange
        self.change = change
    }

    /// Sends text at once, and waits while the client does not keep up.
    /// - Throws: `CancellationError` when the client is gone.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Sends bytes at once, and waits while the client does not keep up.
    /// - Throws: `CancellationError` when the client is gone.
    public func write(_ bytes: [UInt8]) async throws {
        guard let change else { return try await exchange.write(bytes) }
        try await change(bytes)
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
}
