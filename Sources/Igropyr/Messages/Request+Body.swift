public import HTTPTypes

extension Request {
    /// The fields that followed the body; none before the body has been read to its end. Fields on which framing,
    /// routing or the head's meaning rests are never among them.
    public var trailers: HTTPFields { body.trailers }

    /// The body, piece by piece as it arrives; for handlers with `await`, and what they stream. What is not read makes
    /// the client wait.
    public var body: RequestBody { RequestBody(exchange: exchange, isOutOfReach: exchange == nil && hasBody) }

    /// The whole body, which may be asked for again, in whatever way: middleware that has looked at a signature of it
    /// leaves it to the handler.
    /// - Throws: ``HTTPFailure`` 413 if it has more than `limit` bytes, or more than the route allows;
    ///   `CancellationError` when the client is gone.
    public func body(upTo limit: Int) async throws -> [UInt8] {
        let whole = try await body.collected(upTo: limit)
        exchange?.putBack(whole)
        return whole
    }
}

extension AsyncSequence where Element == [UInt8] {
    /// - Throws: ``HTTPFailure`` 413 for more than `limit` bytes, and as the sequence.
    func collected(upTo limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in self {
            guard piece.count <= limit - whole.count else { throw HTTPFailure(.contentTooLarge) }
            whole += piece
        }
        return whole
    }
}

/// A request's body, to be gone through once, unless it was read by ``Request/body(upTo:)``.
public struct RequestBody: AsyncSequence {
    public typealias Element = [UInt8]

    let exchange: Exchange?
    /// There is one, and nobody has kept it.
    let isOutOfReach: Bool

    /// Nothing of it is left: who asks for more is told so at once.
    package var isAtEnd: Bool { exchange?.isBodyAtEnd ?? true }

    /// As ``Request/trailers``.
    var trailers: HTTPFields { exchange?.requestTrailers ?? HTTPFields() }

    public func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let body: RequestBody

        public func next() async throws -> [UInt8]? { try await body.nextPiece() }

        public func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? { try await body.nextPiece() }
    }

    func nextPiece() async throws -> [UInt8]? {
        guard !isOutOfReach else { throw BodyOutOfReach() }
        return try await exchange?.nextPiece()
    }
}

/// A body is asked for where it is not kept.
struct BodyOutOfReach: Error, CustomStringConvertible {
    var description: String { "a request's body is for handlers with `async`, until their response has ended" }
}
