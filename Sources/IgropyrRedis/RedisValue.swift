/// An answer of Redis.
public enum RedisValue: Equatable, Sendable {
    case null
    /// Such as `OK`.
    case status(String)
    case integer(Int)
    case bytes([UInt8])
    case array([RedisValue])
    /// In the answers of a pipeline, a transaction or a script; where it is the whole answer it is thrown.
    case error(RedisServerError)
}

/// An answer is not of the kind that was asked for.
public struct RedisDecodingError: Error, Equatable, CustomStringConvertible {
    public let description: String
}

extension RedisValue {
    /// The value as one of a type.
    /// - Throws: ``RedisDecodingError``, for null too; a ``RedisError`` if this is an error.
    public func decode<Value: RedisConvertible>(_ type: Value.Type = Value.self) throws -> Value {
        guard let value = Value(redisBytes: try scalar()) else {
            throw RedisDecodingError(description: "the answer is no \(type)")
        }
        return value
    }

    /// The value as one of a type, nil for null.
    public func decode<Value: RedisConvertible>(_ type: Value?.Type) throws -> Value? {
        self == .null ? nil : try decode(Value.self)
    }

    /// The elements of an array.
    public func elements() throws -> [RedisValue] {
        guard case .array(let elements) = try checked() else { throw mismatch("an array") }
        return elements
    }

    /// - Throws: the error, if it is one.
    public func checked() throws(RedisError) -> RedisValue {
        guard case .error(let error) = self else { return self }
        throw .server(error)
    }

    private func scalar() throws -> [UInt8] {
        switch try checked() {
        case .bytes(let bytes): bytes
        case .status(let text): Array(text.utf8)
        case .integer(let number): number.redisBytes
        case .null, .array, .error: throw mismatch("one value")
        }
    }

    private func mismatch(_ wanted: String) -> RedisDecodingError {
        let kind =
            switch self {
            case .null: "null"
            case .status: "a status"
            case .integer: "an integer"
            case .bytes: "bytes"
            case .array: "an array"
            case .error: "an error"
            }
        return RedisDecodingError(description: "the answer is \(kind), not \(wanted)")
    }
}
