internal import IgropyrTime

/// On what condition ``RedisCommands/set(_:_:expiresIn:if:)`` sets a key.
public enum RedisSetCondition: String, Sendable {
    /// It has no value.
    case absent = "NX"
    /// It has one.
    case present = "XX"
}

/// The commands that are used most. Times are counted in milliseconds.
extension RedisCommands {
    /// The value of a key, nil if it has none.
    public func get<Value: RedisConvertible>(_ key: String, as type: Value.Type = String.self) async throws -> Value? {
        try await command("GET", key).decode(Value?.self)
    }

    /// - Returns: whether it was set; false if the condition does not hold.
    @discardableResult
    public func set(
        _ key: String, _ value: some RedisConvertible, expiresIn time: Duration? = nil,
        if condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        var parts: [any RedisConvertible] = ["SET", key, value]
        if let time { parts += ["PX", Int(time.millisecondsRoundedUp)] }
        if let condition { parts.append(condition.rawValue) }
        return try await command(RedisCommand(parts)) != .null
    }

    /// - Returns: how many of them there were.
    @discardableResult
    public func del(_ keys: String...) async throws -> Int { try await command(RedisCommand(["DEL"] + keys)).decode() }

    public func exists(_ key: String) async throws -> Bool { try await command("EXISTS", key).decode(Int.self) > 0 }

    /// Adds to a number; a key without a value counts from 0.
    /// - Returns: the sum.
    @discardableResult
    public func incr(_ key: String, by step: Int = 1) async throws -> Int {
        try await command("INCRBY", key, step).decode()
    }

    /// - Returns: whether the key has a value.
    @discardableResult
    public func expire(_ key: String, in time: Duration) async throws -> Bool {
        try await command("PEXPIRE", key, Int(time.millisecondsRoundedUp)).decode(Int.self) > 0
    }

    /// - Returns: how many had subscribed to the channel, at this server.
    @discardableResult
    public func publish(_ channel: String, _ message: some RedisConvertible) async throws -> Int {
        try await command("PUBLISH", channel, message).decode()
    }
}
