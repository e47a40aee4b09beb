import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrRedis

@Suite(.timeLimit(.minutes(5))) struct RedisTests {
    @Test func `commands and values are bytes, whatever they hold`() async throws {
        try await withRedis { redis async throws in
            let key = freshKey() + "\r\n$3\r\nDEL\0"
            for bytes in [[UInt8](0...255), [], Array("*1\r\n$8\r\nFLUSHALL\r\n".utf8)] {
                #expect(try await redis.set(key, bytes))
                #expect(try await redis.get(key, as: [UInt8].self) == bytes)
            }
            #expect(try await redis.command("SET", [UInt8](0...255), "bytes") == .status("OK"))
            #expect(try await redis.command("GET", [UInt8](0...255)) == .bytes(Array("bytes".utf8)))
            #expect(try await redis.command("ECHO", -7) == .bytes(Array("-7".utf8)))
            #expect(try await redis.command("GET", freshKey()) == .null)
        }
    }

    @Test func `large values go both ways`() async throws {
        let bytes = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }  // Takes time: not on the loop.
        try await withRedis { redis in
            let key = freshKey()
            // More than both sides' buffers hold, while the answers are as large.
            let answers = try await redis.pipeline([
                ["SET", key, bytes], ["GET", key], ["SET", key, bytes], ["GET", key],
            ])
            #expect(answers[1] == .bytes(bytes) && answers[3] == .bytes(bytes))
        }
    }

    @Test func `the commands that are used most have types`() async throws {
        try await withRedis { redis in
            let (key, hash, list) = (freshKey(), freshKey(), freshKey())
            #expect(try await redis.get(key) == nil)
            #expect(try await redis.set(key, "Ada", if: .present) == false)
            #expect(try await redis.set(key, "Ada", expiresIn: .seconds(100), if: .absent))
            #expect(try await redis.set(key, "Bob", if: .absent) == false)
            #expect(try await redis.get(key) == "Ada")
            #expect((1...100_000).contains(try await redis.command("PTTL", key).decode(Int.self)))
            #expect(try await redis.exists(key))
            #expect(try await redis.del(key, hash) == 1)
            #expect(try await !redis.exists(key))
            #expect(try await redis.incr(key) == 1)
            #expect(try await redis.incr(key, by: 41) == 42)
            #expect(try await redis.get(key, as: Int.self) == 42)
            #expect(try await redis.expire(key, in: .microseconds(1_500)))
            #expect(try await !redis.expire(hash, in: .seconds(1)))
            try await eventually("the key expires") { try await !redis.exists(key) }

            #expect(try await redis.hset(hash, ["name": "Ada", "age": 36, "raw": [UInt8]([0, 255])]) == 3)
            #expect(try await redis.hget(hash, "age", as: Int.self) == 36)
            #expect(try await redis.hget(hash, "none") == nil)
            #expect(
                try await redis.hgetall(hash, as: [UInt8].self)
                    == ["name": Array("Ada".utf8), "age": Array("36".utf8), "raw": [0, 255]])
            #expect(try await redis.hgetall(key).isEmpty)

            #expect(try await redis.rpush(list, "b", "c") == 2)
            #expect(try await redis.lpush(list, "a") == 3)
            #expect(try await redis.lrange(list) == ["a", "b", "c"])
            #expect(try await redis.lrange(list, -2, -2) == ["b"])
            await #expect(throws: RedisDecodingError.self) { try await redis.lrange(list, as: Int.self) }
            await #expect(throws: RedisDecodingError.self) { try await redis.hget(hash, "raw") }
        }
    }

    @Test func `a pipeline is answered in its order, and an error is that of its command`() async throws {
        try await withRedis { redis in
            let key = freshKey()
            let commands = (1...2000).map { RedisCommand(["ECHO", $0]) }
            let answers = try await redis.pipeline(commands)
            #expect(try answers.map { try $0.decode(Int.self) } == Array(1...2000))
            let mixed = try await redis.pipeline([
                ["SET", key, "x"], ["INCR", key], ["LPUSH", key, 1], ["GET", key],
            ])
            #expect(mixed[0] == .status("OK") && mixed[3] == .bytes([UInt8(ascii: "x")]))
            #expect(throws: RedisError.self) { try mixed[1].decode(Int.self) }
            guard case .error(let error) = mixed[2] else {
                Issue.record("\(mixed[2])")
                return
            }
            #expect(error.code == "WRONGTYPE" && error.message.hasPrefix("Operation against a key"))
            #expect(try await redis.pipeline([]).isEmpty)
        }
    }

    @Test func `what the server refuses is told by its word, and the connection is as before`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withRedis(nil, settings) { redis in
            let key = freshKey()
            let id = try await redis.command("CLIENT", "ID")
            try await redis.rpush(key, 1)
            let error = await failure { _ = try await redis.get(key) }
            let answer = try #require((error as? RedisError)?.answer)
            #expect(answer.code == "WRONGTYPE")
            let unknown = await failure { try await redis.command("NOSUCH", 1) }
            #expect("\(unknown, default: "")".hasPrefix("ERR unknown command 'NOSUCH'"))
            #expect(try await redis.command("CLIENT", "ID") == id)
        }
    }

    @Test func `a transaction has nothing of others in between, and is not run if a part is refused`() async throws {
        try await withRedis { redis in
            let key = freshKey()
            let answers = try await redis.transaction([
                ["SET", key, 1], ["INCR", key], ["LPUSH", key, 1], ["GET", key],
            ])
            #expect(answers.count == 4 && answers[1] == .integer(2) && answers[3] == .bytes([UInt8(ascii: "2")]))
            let error = await failure { try await redis.transaction([["INCR", key], ["INCR"], ["INCR", key]]) }
            #expect("\(error, default: "")".contains("wrong number of arguments"))
            #expect(try await redis.get(key, as: Int.self) == 2)
        }
    }

    @Test func `a transaction that watches keys is run only if nobody changed them`() async throws {
        try await withRedis { redis in
            let key = freshKey()
            try await redis.set(key, 5)
            let kept = try await redis.transaction(watching: [key]) { connection in
                let value = try await connection.get(key, as: Int.self) ?? 0
                return [["SET", key, value * 2]]
            }
            #expect(kept == [.status("OK")])
            let disturbed = try await redis.transaction(watching: [key]) { _ in
                try await redis.incr(key)
                return [["SET", key, 0]]
            }
            #expect(disturbed == nil)
            await #expect(throws: CancellationError.self) {
                try await redis.transaction(watching: [key]) { _ in throw CancellationError() }
            }
            #expect(try await redis.get(key, as: Int.self) == 11)
        }
    }

    @Test func `a script is sent once, and called by its digest from then on`() async throws {
        try await withRedis { redis in
            let (key, mark) = (freshKey(), freshKey())
            let script = RedisScript("redis.call('INCRBY', KEYS[1], ARGV[1]) return {'\(mark)', ARGV[1]}")
            #expect(try await redis.command("SCRIPT", "EXISTS", script.digest) == .array([.integer(0)]))
            for _ in 0..<3 {
                let answer = try await redis.run(script, keys: [key], arguments: [7])
                #expect(answer == .array([.bytes(Array(mark.utf8)), .bytes([UInt8(ascii: "7")])]))
            }
            #expect(try await redis.command("SCRIPT", "EXISTS", script.digest) == .array([.integer(1)]))
            #expect(try await redis.get(key, as: Int.self) == 21)
            await #expect(throws: RedisError.server(RedisServerError(code: "MINE", message: "it is so"))) {
                try await redis.run(RedisScript("return redis.error_reply('MINE it is so')"))
            }
        }
    }

    @Test func `a connection in another database or a transaction is not lent again`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withRedis(nil, settings) { redis in
            let key = freshKey()
            try await redis.withConnection { connection in
                try await connection.command("SELECT", 5)
                try await connection.set(key, 5)
            }
            #expect(try await redis.get(key) == nil)
            try await redis.command("MULTI")
            #expect(try await redis.set(key, 1))
            #expect(try await redis.get(key) == "1")
        }
    }

    @Test func `commands of many tasks share the pool, and those on one connection take turns`() async throws {
        try await withRedis { redis in
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...100 { group.addTask { try await redis.command("ECHO", number).decode() } }
                return try await group.reduce(0, +)
            }
            #expect(sum == 5050)
            try await redis.withConnection { connection in
                async let slow = connection.command("BLPOP", freshKey(), 0.05)
                async let fast = connection.command("ECHO", 2)
                let (one, two) = try await (slow, fast)
                #expect(one == .null && two == .bytes([UInt8(ascii: "2")]))
            }
        }
    }

    @Test func `a user with a password asks a database of his own`() async throws {
        let server = try await sharedRedis.value
        let key = freshKey()
        try await onLoop { _ in
            let redis = try Redis(url: server.byName, settings: .patient)
            #expect(try await redis.command("ACL", "WHOAMI").decode() == "app")
            try await redis.set(key, "here")
            #expect(try await redis.get(key) == "here")
            await redis.close()
        }
        try await withRedis { redis async throws in #expect(try await redis.get(key) == nil) }
    }

    @Test func `tasks without a loop may ask, too`() async throws {
        let redis = try Redis(url: try await sharedRedis.value.bySocket)
        #expect(try await redis.command("PING") == .status("PONG"))
        await redis.close()
        await #expect(throws: RedisError.closed) { try await redis.command("PING") }
    }

    @Test func `the manual's example does what it says`() async throws {
        let redis = try Redis(url: try await sharedRedis.value.byName)
        let (visits, log, stock) = (freshKey(), freshKey(), freshKey())
        let app = App()
        app.get("/greeting/:name") { request async throws in
            let name = request.parameters["name"] ?? ""
            if let known = try await redis.get("greeting:\(name)") { return known }
            try await redis.set("greeting:\(name)", "Hello, \(name)", expiresIn: .seconds(60))
            return "Hello for the first time, \(name)"
        }
        app.get("/visits") { _ async throws in
            let answers = try await redis.pipeline([["INCR", visits], ["LLEN", log]])
            return "\(try answers[0].decode(Int.self)) visits, \(try answers[1].decode(Int.self)) lines"
        }
        app.get("/stock") { _ async throws in
            try await redis.transaction([["INCR", stock], ["RPUSH", log, "order 7"]])
            let take = RedisScript("local n = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return n")
            let first = try await redis.run(take, keys: [stock]).decode(Int?.self)
            let second = try await redis.run(take, keys: [stock]).decode(Int?.self)
            return "\(first ?? -1) \(second ?? -1)"
        }
        let server = try await app.start()
        let pages = [
            ("greeting/Ada", "Hello for the first time, Ada"), ("greeting/Ada", "Hello, Ada"),
            ("visits", "1 visits, 0 lines"), ("stock", "1 -1"), ("visits", "2 visits, 1 lines"),
        ]
        for (path, text) in pages {
            #expect(try await run(["curl", "-s", "http://\(server.address)/\(path)"]).output == text)
        }
        try await server.stop()
        await redis.close()
    }

    @Test func `handlers of a server ask on their own loops, and its end closes the connections`() async throws {
        let redis = try Redis(url: try await sharedRedis.value.bySocket)
        let key = freshKey()
        let app = App()
        app.loops = 2
        app.get("/visits") { _ async throws in "\(try await redis.incr(key))" }
        let server = try await app.start()
        for number in 1...20 {
            let page = try await run(["curl", "-s", "http://\(server.address)/visits"])
            #expect(page.output == "\(number)")
        }
        try await server.stop()  // Would throw if a handle were left open.
        await redis.close()
    }
}
