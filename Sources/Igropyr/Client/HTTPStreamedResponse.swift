public import HTTPTypes
internal import IgropyrTransport

/// What a server answers to ``HTTPClient/stream(_:_:fields:body:_:)``.
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

/// The body of a response, piece by piece as it comes; for one reader. The server waits while nobody reads.
public struct HTTPClientBody: AsyncSequence, Sendable {
    private let side: HTTPClientSide
    /// Touched on its loop only.
    @safe nonisolated(unsafe) let stream: HTTPBodyStream
    let url: ServerURL
    /// Bytes of each of its events.
    let eventLimit: Int

    init(_ stream: HTTPBodyStream, of side: HTTPClientSide, _ url: ServerURL, eventLimit: Int) {
        self.stream = stream
        self.side = side
        self.url = url
        self.eventLimit = eventLimit
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let body: HTTPClientBody

        /// - Throws: ``HTTPRequestFailure`` if it breaks off; `CancellationError`.
        public func next() async throws -> [UInt8]? { try await body.side.read(body) }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
