/// What can be asked of ``Redis``, by any of its connections, and of one ``RedisConnection``.
public protocol RedisCommands: Sendable {
    /// Sends commands at once, and gives their answers in the same order.
    func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue]
}

extension RedisCommands {
    /// Runs a command, whichever the server knows: `command("SET", "name", "Ada")`.
    /// - Throws: ``RedisError``, `.server` if the server refuses it.
    @discardableResult
    public func command(_ name: String, _ arguments: any RedisConvertible...) async throws -> RedisValue {
        try await command(RedisCommand([name] + arguments))
    }

    @discardableResult
    public func command(_ command: RedisCommand) async throws -> RedisValue {
        try await pipeline([command])[0].checked()
    }

    /// Runs commands with nothing of others between them (`MULTI`, `EXEC`), and gives their answers. One that fails as
    /// it runs is an error among these, and the others stay done: Redis rolls nothing back.
    /// - Throws: the server's error, if it refuses one of them beforehand; then none was run. If it refuses `MULTI`
    ///   itself, to a user who may not call it or within another transaction, it takes them one by one.
    @discardableResult
    public func transaction(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard let answers = try await execute(commands) else {
            throw RedisError.server(RedisServerError(code: "EXECABORT", message: "a watched key was changed"))
        }
        return answers
    }

    /// Nil if a watched key was changed.
    func execute(_ commands: [RedisCommand]) async throws -> [RedisValue]? {
        let answers = try await pipeline([["MULTI"]] + commands + [["EXEC"]])
        if case .error = answers.last { for answer in answers { _ = try answer.checked() } }
        return answers.last == .null ? nil : try answers.last?.elements()
    }

    /// Runs a script by its digest; a server that does not know it yet is sent its text.
    @discardableResult
    public func run(
        _ script: RedisScript, keys: [String] = [], arguments: [any RedisConvertible] = []
    ) async throws -> RedisValue {
        let rest: [any RedisConvertible] = [keys.count] + keys + arguments
        do {
            return try await command(RedisCommand(["EVALSHA", script.digest] + rest))
        } catch RedisError.server(let error) where error.code == "NOSCRIPT" {
            return try await command(RedisCommand(["EVAL", script.source] + rest))
        }
    }
}

extension RedisConnection {
    /// Runs the commands that `body` gives, unless one of these keys has been changed since before `body` ran
    /// (`WATCH`).
    /// - Returns: their answers; nil if a key was changed, and none was run: try again.
    nonisolated public func transaction(
        watching keys: [String], _ body: (RedisConnection) async throws -> [RedisCommand]
    ) async throws -> [RedisValue]? {
        try await command(RedisCommand(["WATCH"] + keys))
        let commands: [RedisCommand]
        do { commands = try await body(self) } catch {
            _ = try? await command("UNWATCH")  // Where that fails the connection is dropped.
            throw error
        }
        return try await execute(commands)
    }
}
