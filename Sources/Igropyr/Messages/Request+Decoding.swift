internal import FoundationEssentials
internal import HTTPTypes
internal import IgropyrHTTP

extension Request {
    /// The body, decoded by what `Content-Type` says it is: JSON, or a form (`application/x-www-form-urlencoded`).
    /// - Throws: ``HTTPFailure`` 415 for other types, 400 that says what is wrong with it, and as ``body(upTo:)``.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        switch header("Content-Type").flatMap({ FieldParameters($0) })?.value {
        case "application/json"?: return try await json(type)
        case "application/x-www-form-urlencoded"?: return try await form(type)
        default: throw HTTPFailure(.unsupportedMediaType, "Send application/json or application/x-www-form-urlencoded.")
        }
    }

    /// The body as JSON, whatever its `Content-Type`.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong with it, and as ``body(upTo:)``.
    public func json<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        let bytes = try await body(upTo: .max)
        return try decoding("The body is not the JSON expected") { try JSONDecoder().decode(type, from: Data(bytes)) }
    }

    /// The body as a form of names and values: each property of `type` from the values of its name, arrays from repeated
    /// names. An optional is nil without its name, or with an empty value.
    /// - Throws: as ``json(_:)``.
    public func form<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        let bytes = try await body(upTo: .max)
        let pairs = unsafe try QueryPair.parse(0..<bytes.count, in: bytes.span.bytes)
        return try decoding("The body is not the form expected") { try type.init(from: PairDecoder(pairs)) }
    }
}

extension Request.Query {
    /// A value of its pairs, as ``Request/form(_:)`` reads one.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try decoding("The query is not the one expected") { try type.init(from: PairDecoder(pairs)) }
    }
}

private func decoding<Value>(_ complaint: String, _ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let error as DecodingError {
        throw HTTPFailure(.badRequest, "\(complaint): \(error.explanation)")
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
