/// What may be part of a command, and be read of an answer: Redis itself knows bytes alone.
public protocol RedisConvertible: Sendable {
    var redisBytes: [UInt8] { get }

    /// Nil if the bytes are no such value.
    init?(redisBytes: [UInt8])
}

extension Array: RedisConvertible where Element == UInt8 {
    public var redisBytes: [UInt8] { self }
    public init(redisBytes: [UInt8]) { self = redisBytes }
}

extension String: RedisConvertible {
    public var redisBytes: [UInt8] { Array(utf8) }
    public init?(redisBytes: [UInt8]) { self.init(validating: redisBytes, as: UTF8.self) }
}

extension Int: RedisConvertible {
    public var redisBytes: [UInt8] { Array("\(self)".utf8) }
    public init?(redisBytes: [UInt8]) { self.init(String(decoding: redisBytes, as: UTF8.self)) }
}

extension Double: RedisConvertible {
    public var redisBytes: [UInt8] { Array("\(self)".utf8) }
    public init?(redisBytes: [UInt8]) { self.init(String(decoding: redisBytes, as: UTF8.self)) }
}
