import Glibc
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrRedis

/// What a server may say in answer to a command, and what becomes of it.
private let oddities: [(answer: String, isMeant: @Sendable (RedisError) -> Bool)] = [
    ("?what\r\n", { if case .connectionLost(let reason) = $0 { reason.contains("Protocol error") } else { false } }),
    ("*-7\r\n", { if case .connectionLost = $0 { true } else { false } }),
    ("*2000000000\r\n", { $0 == .resultTooLarge(limit: 1 << 20) }),
    (String(repeating: "*10000\r\n", count: 7), { $0 == .resultTooLarge(limit: 1 << 20) }),
    (String(repeating: "*1\r\n", count: 20), { if case .connectionLost = $0 { true } else { false } }),
    ("$900000000000\r\n" + String(repeating: "x", count: 2 << 20), { $0 == .resultTooLarge(limit: 1 << 20) }),
    ("+" + String(repeating: "x", count: 2 << 20), { $0 == .resultTooLarge(limit: 1 << 20) }),
    ("$1100000\r\n" + String(repeating: "x", count: 1_100_000) + "\r\n", { $0 == .resultTooLarge(limit: 1 << 20) }),
    ("-MOVED 1 127.0.0.1:1\r\n", { $0 == .server(RedisServerError(code: "MOVED", message: "1 127.0.0.1:1")) }),
    ("-\r\n", { $0 == .server(RedisServerError(code: "", message: "")) }),
]

@Suite(.timeLimit(.minutes(5))) struct RedisFailureTests {
    @Test func `a server that dies in the midst of a command is an error, and its successor is found`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withRedis(server) { redis in
            let command = Task.immediate { try await redis.command("BLPOP", "nothing", 0) }
            try await eventually("the command runs") { try await blockedClients(redis) == 1 }
            try await server.crash()
            let error = await failure { _ = try await command.value }
            #expect((error as? RedisError)?.loss != nil)
            let next = await failure { try await redis.command("PING") }
            let reason = try #require((next as? RedisError)?.connectFailure)
            #expect(reason.contains("refused"), "\(reason)")
            try await server.start()
            #expect(try await redis.command("PING") == .status("PONG"))
            try await server.crash()
        }
    }

    @Test func `a server that stays full is told from one that is away, whatever was asked first`() async throws {
        let server = try RedisServer()
        try await server.start()
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withRedis(server, settings) { redis in
            try await redis.command("CONFIG", "SET", "maxclients", 1)
            var settings = PoolSettings.patient
            settings.waitTimeout = .seconds(8)
            let other = try Redis(url: server.byName, settings: settings)
            let error = await failure { try await other.command("PING") }
            guard case RedisError.tooManyConnections(let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("max number of clients"), "\(reason)")
            await other.close()
        }
        try await server.crash()
    }

    @Test func `a connection that was ended while it rested is not given out again`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withRedis(server) { redis in
            let other = try Redis(url: server.byName, settings: .patient)
            for number in 0..<5 {
                #expect(try await redis.command("ECHO", number).decode() == number)
                #expect(try await other.command("CLIENT", "KILL", "TYPE", "normal") == .integer(1))
            }
            await other.close()
            try await server.crash()
        }
    }

    @Test func `a connection whose server has become a replica is not lent again`() async throws {
        let server = try RedisServer()
        try await server.start()
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withRedis(server, settings) { redis in
            let id = try await redis.command("CLIENT", "ID")
            try await redis.command("REPLICAOF", "127.0.0.1", 1)
            #expect(try await redis.command("CLIENT", "ID") == id)
            let error = await failure { try await redis.set("a", 1) }
            let answer = try #require((error as? RedisError)?.answer)
            #expect(answer.code == "READONLY")
            #expect(try await redis.command("CLIENT", "ID") != id)
        }
        try await server.crash()
    }

    @Test func `nobody there and no such database are told in words`() async throws {
        let server = try await sharedRedis.value
        let urls = [
            (server.byName.replacing("/2", with: "/9999"), "out of range"),
            (server.byName.replacing("localhost", with: "nobody.invalid"), "nobody.invalid"),
            ("redis://127.0.0.1:1", "refused"),
            ("unix:/nothing/here", "No such file"),
        ]
        for (url, reason) in urls {
            let error = await failureToConnect(to: url)
            guard case .cannotConnect(let text)? = error else {
                Issue.record("\(reason): \(String(describing: error))")
                continue
            }
            #expect(text.contains(reason), "\(text)")
        }
    }

    @Test func `a wrong user, a wrong password and none at all are errors of their own`() async throws {
        let server = try RedisServer()
        try await server.start()
        let urls = [
            (server.byName.replacing("secret", with: "wrong"), "WRONGPASS"),
            (server.byName.replacing("app:", with: "nobody:"), "WRONGPASS"),
            (server.byName.replacing("app:secret@", with: ""), "NOAUTH"),
        ]
        try await withRedis(server) { redis in
            try await redis.command("CONFIG", "SET", "requirepass", "default's")
            for (url, reason) in urls {
                let error = await failureToConnect(to: url)
                guard case .accessDenied(let text)? = error else {
                    Issue.record("\(reason): \(String(describing: error))")
                    continue
                }
                #expect(text.hasPrefix(reason), "\(text)")
            }
        }
        try await server.crash()
    }

    @Test func `a server that says nothing is given up in time`() async throws {
        let listener = try ListeningSocket.open(freshAddress())
        defer { Descriptor.close(listener) }
        let address = try #require(ListeningSocket.localAddress(of: listener))
        var settings = PoolSettings.patient
        settings.connectTimeout = .milliseconds(200)
        let redis = try Redis(url: "redis://\(address)", settings: settings)
        try await onLoop { _ in
            let error = await failure { try await redis.command("PING") }
            #expect("\(error, default: "")".contains("cannot connect to the database: no answer within "))
        }
    }

    @Test func `a loop ends while a connection is being made`() async throws {
        let outcome = try await endLoop { address in
            _ = try await Redis(url: "redis://\(address)", settings: .patient).command("PING")
        }
        #expect(throws: RedisError.closed) { try outcome.get() }
    }

    @Test func `who finds all connections lent waits for a time`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        settings.waitTimeout = .seconds(3)
        settings.waiting = 1
        try await withRedis(nil, settings) { redis in
            try await redis.withConnection { _ in
                let waiting = Task.immediate { try await redis.command("PING") }
                await #expect(throws: RedisError.poolExhausted) { try await redis.command("PING") }
                await #expect(throws: RedisError.poolExhausted) { try await waiting.value }
            }
            #expect(try await redis.command("PING") == .status("PONG"))
        }
    }

    @Test(arguments: [true, false]) func `a command that is cancelled or takes too long goes with its connection`(
        isCancelled: Bool
    ) async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        if !isCancelled { settings.queryTimeout = .seconds(2) }
        let server = try RedisServer()
        try await server.start()
        try await withRedis(server, settings) { redis in
            let watcher = try Redis(url: server.byName, settings: .patient)
            let command = Task.immediate { try await redis.command("BLPOP", "nothing", 0) }
            if isCancelled {
                try await eventually("the command runs") { try await blockedClients(watcher) == 1 }
                command.cancel()
            }
            await #expect(throws: isCancelled ? RedisError.cancelled : .timedOut) { try await command.value }
            for number in 0..<10 { #expect(try await redis.command("ECHO", number).decode() == number) }
            try await eventually("the server has ended it") { try await blockedClients(watcher) == 0 }
            await watcher.close()
            try await server.crash()
        }
    }

    @Test func `who is cancelled while another has his turn takes nothing from it`() async throws {
        try await withRedis { redis in
            try await redis.withConnection { connection in
                let key = freshKey()
                let first = Task.immediate { try await connection.command("BLPOP", key, 0) }
                let second = Task.immediate { try await connection.command("ECHO", 2) }
                second.cancel()
                await #expect(throws: RedisError.cancelled) { try await second.value }
                try await redis.rpush(key, "here")
                let answer = try await first.value.elements()
                #expect(try answer.map { try $0.decode(String.self) } == [key, "here"])
                #expect(try await connection.command("ECHO", 3).decode() == 3)
            }
        }
    }

    @Test func `an answer beyond the limit is an error, and the next connection as good as ever`() async throws {
        var settings = PoolSettings.patient
        settings.resultLimit = 1 << 20
        try await withRedis(nil, settings) { redis in
            let key = freshKey()
            try await redis.set(key, [UInt8](repeating: 7, count: 700_000))
            #expect(try await redis.get(key, as: [UInt8].self)?.count == 700_000)
            await #expect(throws: RedisError.resultTooLarge(limit: 1 << 20)) {
                try await redis.pipeline([["GET", key], ["GET", key]])
            }
            let script = RedisScript("local t = {} for i = 1, 100000 do t[i] = i end return t")
            await #expect(throws: RedisError.resultTooLarge(limit: 1 << 20)) { try await redis.run(script) }
            #expect(try await redis.del(key) == 1)
        }
    }

    @Test(arguments: oddities.indices) func `whatever a server says ends in an error of a type`(index: Int) async throws
    {
        var settings = PoolSettings.patient
        settings.resultLimit = 1 << 20
        let (answer, isMeant) = oddities[index]
        let server = try ScriptedRedis(["+PONG\r\n", answer])
        defer { server.stop() }
        let redis = try Redis(url: server.url, settings: settings)
        try await onLoop { _ in
            let error = await failure { try await redis.command("GET", "a") }
            let answer = try #require(error as? RedisError)
            #expect(isMeant(answer), "\(answer)")
        }
    }

    @Test func `a server that says more than it was asked gets no second command on that connection`() async throws {
        let server = try ScriptedRedis(["+PONG\r\n", "+OK\r\n+AND\r\n+MORE\r\n"])
        defer { server.stop() }
        var settings = PoolSettings.patient
        settings.connectTimeout = .seconds(3)
        let redis = try Redis(url: server.url, settings: settings)
        try await onLoop { _ in
            let answer = try await redis.command("SET", "a", 1)
            #expect(answer == .status("OK"))
            let error = await failure { try await redis.command("GET", "a") }
            #expect((error as? RedisError)?.connectFailure != nil, "it takes one connection only")
        }
    }
}

private func blockedClients(_ redis: Redis) async throws -> Int {
    let text = try await redis.command("INFO", "clients").decode(String.self)
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("blocked_clients:") }
    return line.flatMap { Int($0.split(separator: ":")[1]) } ?? -1
}

private func failureToConnect(to url: String) async -> RedisError? {
    let error = await failure {
        try await onLoop { _ in _ = try await Redis(url: url).command("PING") }
    }
    return error as? RedisError
}
