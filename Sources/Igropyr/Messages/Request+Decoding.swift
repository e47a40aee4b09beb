public import FoundationEssentials
internal import HTTPTypes
internal import IgropyrHTTP

extension Request {
    /// The body, decoded by what `Content-Type` says it is: JSON (`application/json`, or a type that ends with `+json`,
    /// RFC 6839), or a form (``form(_:)``). Nil for an optional type, if there is no body or an empty one.
    /// - Throws: ``HTTPFailure`` 415 for other types, 400 that says what is wrong with it, and as ``body(upTo:)``.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        switch mediaType {
        case let media? where media == "application/json" || media.hasSuffix("+json"): return try await json(type)
        case "application/x-www-form-urlencoded"?, "multipart/form-data"?: return try await form(type)
        default:
            guard type is any MayBeNil.Type, try await hasEmptyBody() else {
                throw HTTPFailure(
                    .unsupportedMediaType,
                    "Send application/json, application/x-www-form-urlencoded or multipart/form-data.")
            }
            return try await json(type)
        }
    }

    private var mediaType: String? { header("Content-Type").flatMap { FieldParameters($0) }?.value }

    private func hasEmptyBody() async throws -> Bool {
        for try await piece in body where !piece.isEmpty { return false }
        return true
    }

    /// The body as JSON, whatever its `Content-Type`, by `decoder` or else the application's
    /// (``App/Configuration/jsonDecoder``), which reads dates as ISO 8601 has them unless it is told otherwise. Nil for
    /// an optional type, if there is no body or an empty one.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong with it, and as ``body(upTo:)``.
    public func json<Value: Decodable>(
        _ type: Value.Type = Value.self, by decoder: JSONDecoder? = nil
    ) async throws -> Value {
        let decoder = decoder ?? app.jsonDecoder
        let bytes = try await body(upTo: .max)
        let data = Data(bytes.isEmpty && type is any MayBeNil.Type ? Array("null".utf8) : bytes)
        return try decoding("The body is not the JSON expected") {
            do {
                return try decoder.decode(type, from: data)
            } catch DecodingError.dataCorrupted(let context) where context.debugDescription.contains("not valid JSON") {
                // Foundation says of a number that does not fit what it says of a missing bracket.
                guard (try? decoder.decode(AnyJSON.self, from: data)) != nil else {
                    throw DecodingError.dataCorrupted(context)
                }
                throw HTTPFailure(
                    .badRequest,
                    "The body is not the JSON expected: a number in it has a fraction or more digits than fit, or a text is no Unicode"
                )
            }
        }
    }

    /// The body as a form of names and values: each property of `type` from the values of its name, arrays from
    /// repeated names. An optional is nil without its name, or with an empty value; `type` itself, if it is one,
    /// without any name.
    ///
    /// Of `multipart/form-data` files are ``FormFile``s, and all of it is kept in memory: who takes large ones goes
    /// through ``multipart(limits:)``. Any other type is read as `application/x-www-form-urlencoded`.
    /// - Throws: as ``json(_:by:)``, and as ``multipart(limits:)``.
    public func form<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        let decoder = mediaType == "multipart/form-data" ? try await multipartDecoder() : try await pairDecoder()
        return try decoding("The body is not the form expected") { try type.init(from: decoder) }
    }

    private func pairDecoder() async throws -> PairDecoder {
        let bytes = try await body(upTo: .max)
        return PairDecoder(unsafe try QueryPair.parse(0..<bytes.count, in: bytes.span.bytes))
    }

    private func multipartDecoder() async throws -> PairDecoder {
        var values: [String: [FormValue]] = [:]
        for try await part in try multipart() {
            if let value = try await part.value() { values[part.name, default: []].append(value) }
        }
        return PairDecoder(values)
    }
}

extension Request.Query {
    /// A value of its pairs, as ``Request/form(_:)`` reads one; nil for an optional type, if there are none.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try decoding("The query is not the one expected") { try type.init(from: PairDecoder(pairs)) }
    }

    /// What stands under one name, as ``Request/form(_:)`` reads a property; an array takes all values of that name.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong; also if the name is missing.
    public func require<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        guard let value = try get(name, as: type) else {
            throw HTTPFailure(.badRequest, "The query is not the one expected: the key \"\(name)\" is missing")
        }
        return value
    }

    /// The same, or nil if the name is missing or has nothing but empty values.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong.
    public func get<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
        let values = all(name)
        guard !values.allSatisfy(\.isEmpty) else { return nil }
        return try decoding("The query is not the one expected") {
            try ValueDecoder(values: values.map { .text($0) }, codingPath: [NameKey(name)]).decode(type)
        }
    }
}

extension Request.Parameters {
    /// The part of the path under that name: text, a number, a `UUID`, an enum over those, or what else decodes from a
    /// single value.
    /// - Throws: ``HTTPFailure`` 400 that says what is wrong; ``NoSuchParameter``, which is answered 500, if the
    ///   route's pattern has no such name.
    public func require<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        guard has(name) else { throw NoSuchParameter(name: name) }
        guard let text = self[name] else {
            throw HTTPFailure(.badRequest, "The path is not the one expected: at \(name): not well encoded")
        }
        return try decoding("The path is not the one expected") {
            try ValueDecoder(values: [.text(text)], codingPath: [NameKey(name)]).decode(type)
        }
    }
}

/// A handler asks for a part of the path that its route's pattern does not name.
public struct NoSuchParameter: Error, Hashable, Sendable, CustomStringConvertible {
    public let name: String

    public var description: String { "the route's pattern has no parameter \"\(name)\"" }
}

private struct NameKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

private protocol MayBeNil {}
extension Optional: MayBeNil {}

/// Any well-formed document.
private struct AnyJSON: Decodable {
    init(from decoder: any Decoder) {}
}

func decoding<Value>(_ complaint: String, _ body: () throws -> Value) throws -> Value {
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
        case .typeMismatch(is [String: Any].Type, let context): "\(context.place)not an object"
        case .typeMismatch(is [Any].Type, let context): "\(context.place)not an array"
        case .typeMismatch(let type, let context): "\(context.place)not a value of type \(type)"
        case .valueNotFound(let type, let context): "\(context.place)null where a \(type) is needed"
        case .dataCorrupted(let context): "\(context.place)\(context.debugDescription)"
        @unknown default: "it cannot be read"
        }
    }
}

extension DecodingError.Context {
    fileprivate var place: String {
        guard !codingPath.isEmpty else { return "" }
        let path = codingPath.reduce("") { path, key in
            if let index = key.intValue { return "\(path)[\(index)]" }
            return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
        }
        return "at \(path): "
    }
}
