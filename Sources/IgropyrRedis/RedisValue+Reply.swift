internal import CHiredis

extension RedisValue {
    /// Copies what hiredis has read; nil for a kind of answer that only newer protocols have. hiredis reads nine
    /// levels of arrays at most.
    init?(_ reply: UnsafePointer<redisReply>) {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_NIL: self = .null
        case REDIS_REPLY_INTEGER: self = unsafe .integer(Int(reply.pointee.integer))
        case REDIS_REPLY_STRING: self = unsafe .bytes(Self.bytes(of: reply))
        case REDIS_REPLY_STATUS: self = unsafe .status(String(decoding: Self.bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ERROR:
            self = unsafe .error(RedisServerError(String(decoding: Self.bytes(of: reply), as: UTF8.self)))
        case REDIS_REPLY_ARRAY:
            var elements: [RedisValue] = []
            unsafe elements.reserveCapacity(reply.pointee.elements)
            for index in unsafe 0..<reply.pointee.elements {
                guard let element = unsafe reply.pointee.element[index], let value = unsafe RedisValue(element) else {
                    return nil
                }
                elements.append(value)
            }
            self = .array(elements)
        default: return nil
        }
    }

    private static func bytes(of reply: UnsafePointer<redisReply>) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len))
    }
}
