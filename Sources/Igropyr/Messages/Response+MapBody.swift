internal import HTTPTypes
internal import IgropyrHTTP

extension Response {
    /// Bytes of the body, if they are known before it is sent.
    public var bodyLength: Int? {
        switch body {
        case .none: 0
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .file(_, let range): range.count
        case .stream: streamLength
        case .webSocket: nil
        }
    }

    /// Changes the body, whatever it is made of, while it is sent.
    ///
    /// ```swift
    /// struct Greeting: Middleware {
    ///     func before(_ request: Request) -> Response? {
    ///         request.askForWholeBody()
    ///         return nil
    ///     }
    ///
    ///     func after(_ request: Request, _ response: inout Response) {
    ///         guard response.contentType?.hasPrefix("text/html") == true else { return }
    ///         response.mapBody { piece in piece } atEnd: { writer in try await writer.write("<!-- Hello -->") }
    ///     }
    /// }
    /// ```
    ///
    /// `change` gets the pieces one by one and returns what is sent in place of each, which may be nothing: text and
    /// bytes as one piece, a file in pieces of 64 KiB at most, a stream as it is written. A character may begin in one
    /// piece and end in the next. `finish` writes what follows the last of them, such as what was held back, and may
    /// set ``ResponseWriter/trailers``. Both run on the connection's loop and wait for a slow client; what they throw
    /// cuts the connection, since the head has gone. Where no body is sent, as to HEAD, they are not called.
    ///
    /// `length` is that of the new body, if it is known (``bodyLength`` where it stays); without, it goes in chunks.
    /// The body is another then: `ETag` becomes a weak one, which serves as long as one body is always mapped alike
    /// (else remove it), and `Accept-Ranges` and digests go. A response without a body stays as it is, and so does one
    /// that opens a WebSocket. Compression of the application comes after all middleware, and so after this.
    ///
    /// A part of a body, or one in a coding, cannot be mapped: call ``Request/askForWholeBody()`` before the request
    /// goes on. Without, or with a `length` below 0, the client gets 500, and the log says why.
    public mutating func mapBody(
        length: Int? = nil, _ change: @escaping ([UInt8]) async throws -> [UInt8],
        atEnd finish: @escaping (ResponseWriter) async throws -> Void = { _ in }
    ) {
        guard let produce else { return }
        guard status != .partialContent else { return failMapping(.part) }
        guard !hasFields || fields[.contentEncoding] == nil else { return failMapping(.coding) }
        if let length, length < 0 { return failMapping(.length(length)) }
        streamLength = length
        body = .stream { writer in
            let changed = ResponseWriter(to: writer) { piece in try await writer.write(try await change(piece)) }
            try await produce(changed)
            try await finish(writer)
        }
        forgetBytes()
    }

    /// Takes off the head what is true of the bytes as they were only; the body goes out as others.
    mutating func forgetBytes() {
        guard hasFields else { return }
        for name in Self.fieldsOfBytes { fields[name] = nil }
        if let tag = fields[.eTag].flatMap({ EntityTag(parsing: $0) }) { fields[.eTag] = tag.weakened.description }
    }

    /// What writes the body; nil if there is none that could be changed.
    var produce: ((ResponseWriter) async throws -> Void)? {
        switch body {
        case .none, .webSocket: nil
        case .text(let text): { writer in try await writer.write(text) }
        case .bytes(let bytes): { writer in try await writer.write(bytes) }
        case .file(let file, let range):
            { writer in try await FilePieces(file, range).forEach { piece in try await writer.write(piece) } }
        case .stream(let produce): produce
        }
    }

    private static let fieldsOfBytes = [
        "Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5",
    ].compactMap { HTTPField.Name($0) }

    private mutating func failMapping(_ failure: UnmappableBody) {
        self = Response(.internalServerError) { _ in throw failure }
        self.failure = failure
    }
}

/// Why a body was not mapped.
enum UnmappableBody: Error, CustomStringConvertible {
    /// Only its sender knows how to read it.
    case part, coding
    case length(Int)

    var description: String {
        switch self {
        case .part: "mapBody was called for a part of a body: \(Self.advice)"
        case .coding: "mapBody was called for a body in a coding: \(Self.advice)"
        case .length(let length): "mapBody was given a length of \(length)"
        }
    }

    private static let advice =
        "have the middleware that calls it call request.askForWholeBody() before the request goes on"
}
