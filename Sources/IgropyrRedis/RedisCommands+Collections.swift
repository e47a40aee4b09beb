/// Hashes and lists.
extension RedisCommands {
    public func hget<Value: RedisConvertible>(
        _ key: String, _ field: String, as type: Value.Type = String.self
    ) async throws -> Value? {
        try await command("HGET", key, field).decode(Value?.self)
    }

    /// - Returns: how many of the fields are new.
    @discardableResult
    public func hset(_ key: String, _ fields: [String: any RedisConvertible]) async throws -> Int {
        let pairs = fields.flatMap { field, value -> [any RedisConvertible] in [field, value] }
        return try await command(RedisCommand(["HSET", key] + pairs)).decode()
    }

    /// Empty if there is no such hash.
    public func hgetall<Value: RedisConvertible>(
        _ key: String, as type: Value.Type = String.self
    ) async throws -> [String: Value] {
        let parts = try await command("HGETALL", key).elements()
        var fields: [String: Value] = [:]
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            fields[try parts[index].decode()] = try parts[index + 1].decode()
        }
        return fields
    }

    /// - Returns: how long the list is then.
    @discardableResult
    public func lpush(_ key: String, _ values: any RedisConvertible...) async throws -> Int {
        try await command(RedisCommand(["LPUSH", key] + values)).decode()
    }

    /// - Returns: how long the list is then.
    @discardableResult
    public func rpush(_ key: String, _ values: any RedisConvertible...) async throws -> Int {
        try await command(RedisCommand(["RPUSH", key] + values)).decode()
    }

    /// A part of a list, both ends included; negative places count from its end.
    public func lrange<Value: RedisConvertible>(
        _ key: String, _ first: Int = 0, _ last: Int = -1, as type: Value.Type = String.self
    ) async throws -> [Value] {
        try await command("LRANGE", key, first, last).elements().map { try $0.decode() }
    }
}
