public import HTTPTypes
internal import IgropyrTransport

/// What a server answers to ``HTTPClient/stream(_:_:fields:body:_:)`` or ``HTTPClient/open(_:_:fields:body:)``.
public struct HTTPStreamedResponse: Sendable {
    public let status: HTTPResponse.Status
    public let fields: HTTPFields
    public let body: HTTPClientBody
    /// Where it comes from, after all redirections.
    public let url: String

    init(_ head: HTTPRequester.Response, _ body: HTTPClientBody, from url: String) {
        status = HTTPResponse.Status(code: head.status)
        fields = HTTPFields(head.fields)
        self.body = body
        self.url = url
    }
}

extension HTTPStreamedResponse: ResponseConvertible {
    /// Hands it on as it comes: its status, the fields that are no matter of the connection alone, and its body, which
    /// is read at the client's pace, with its trailers. Where it breaks off, so does the client's.
    public func makeResponse(for request: Request) -> Response {
        var response = Response(status, contentType: fields[.contentType]) { [fields, body] writer in
            for try await piece in body { try await writer.write(piece) }
            let trailers = await body.trailers
            if !trailers.isEmpty { writer.trailers.append(contentsOf: fields.passedOn(trailers: trailers)) }
        }
        response.fields = fields.endToEnd
        response.streamLength = fields[.contentLength].flatMap { Int($0) }
        return response
    }
}

/// The body of a response, piece by piece as it comes; for one reader. The server waits while nobody reads, and is left
/// with what nobody can read any more.
public struct HTTPClientBody: AsyncSequence, Sendable {
    private let side: HTTPClientSide
    private let lease: Lease
    let url: ServerURL
    /// Bytes of each of its events.
    let eventLimit: Int

    init(_ stream: HTTPBodyStream, of side: HTTPClientSide, _ url: ServerURL, eventLimit: Int) {
        lease = Lease(stream, of: side)
        self.side = side
        self.url = url
        self.eventLimit = eventLimit
    }

    /// Touched on its loop only.
    var stream: HTTPBodyStream { lease.stream }

    /// The fields that followed it; none before it has been read to its end.
    public var trailers: HTTPFields { get async { await side.trailers(of: self) } }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let body: HTTPClientBody

        /// - Throws: ``HTTPRequestFailure`` if it breaks off; `CancellationError`.
        public func next() async throws -> [UInt8]? { try await body.side.read(body) }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}

/// Ends the response with the last of those who might read it.
private final class Lease: Sendable {
    @safe nonisolated(unsafe) let stream: HTTPBodyStream
    private let side: HTTPClientSide

    init(_ stream: HTTPBodyStream, of side: HTTPClientSide) {
        self.stream = stream
        self.side = side
    }

    deinit { side.letGo(stream) }
}
