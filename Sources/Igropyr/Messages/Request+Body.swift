internal import FoundationEssentials

extension Request {
    /// The body, piece by piece as it arrives; for handlers with `await`. What is not read makes the client wait.
    public var body: RequestBody { RequestBody(exchange: exchange) }

    /// The whole body.
    /// - Throws: ``HTTPFailure`` 413 if it has more than `limit` bytes, or more than the route allows;
    ///   `CancellationError` when the client is gone.
    public func body(upTo limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in body {
            guard piece.count <= limit - whole.count else { throw HTTPFailure(.contentTooLarge) }
            whole += piece
        }
        return whole
    }

    /// The body as JSON.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong with it, and as ``body(upTo:)``.
    public func json<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        let bytes = try await body(upTo: .max)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw HTTPFailure(.badRequest, "The body is not the JSON expected: \(error.explanation)")
        }
    }
}

/// A request's body, to be gone through once.
public struct RequestBody: AsyncSequence {
    public typealias Element = [UInt8]

    let exchange: Exchange?

    public func makeAsyncIterator() -> Iterator { Iterator(exchange: exchange) }

    public struct Iterator: AsyncIteratorProtocol {
        let exchange: Exchange?

        public func next() async throws -> [UInt8]? { try await exchange?.nextPiece() }

        public func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            try await exchange?.nextPiece()
        }
    }
}

extension DecodingError {
    /// Where and what, in the words of a client's author.
    fileprivate var explanation: String {
        switch self {
        case .keyNotFound(let key, let context): "\(context.place)the key \"\(key.stringValue)\" is missing"
        case .typeMismatch(let type, let context): "\(context.place)not a value of type \(type)"
        case .valueNotFound(let type, let context): "\(context.place)null where a \(type) is needed"
        case .dataCorrupted(let context): "\(context.place)\(context.debugDescription)"
        @unknown default: "it cannot be read"
        }
    }
}

extension DecodingError.Context {
    fileprivate var place: String {
        codingPath.isEmpty ? "" : "at \(codingPath.map(\.stringValue).joined(separator: ".")): "
    }
}
