import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrRedis

@Suite(.timeLimit(.minutes(5))) struct RedisSubscriptionTests {
    @Test func `what is published while a subscription runs comes in order, by channel or pattern`() async throws {
        try await withRedis { redis in
            let (channel, area) = (freshKey(), freshKey())
            let messages = try await redis.subscribe(to: [channel], patterns: ["\(area).*"]) { messages in
                #expect(try await redis.publish(channel, [UInt8]([0, 13, 10, 255])) == 1)
                #expect(try await redis.publish("\(area).north", "snow") == 1)
                for number in 0..<1000 { try await redis.publish(channel, number) }
                var seen: [RedisMessage] = []
                for try await message in messages {
                    seen.append(message)
                    if seen.count == 1002 { break }
                }
                return seen
            }
            #expect(messages[0].payload == [0, 13, 10, 255] && messages[0].channel == channel)
            #expect(messages[0].pattern == nil)
            #expect(messages[1].text == "snow" && messages[1].pattern == "\(area).*")
            #expect(messages[1].channel == "\(area).north")
            #expect(messages.dropFirst(2).map(\.text) == (0..<1000).map { "\($0)" })
            try await eventually("the subscription ends") { try await redis.publish(channel, "late") == 0 }
        }
    }

    @Test func `a subscription ends with an error when the server goes`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withRedis(server) { redis in
            let error = await failure {
                try await redis.subscribe(to: ["news"]) { messages in
                    try await server.crash()
                    for try await _ in messages {}
                }
            }
            #expect((error as? RedisError)?.loss != nil)
        }
    }

    @Test func `messages that nobody takes wait at the server, which drops the subscriber at last`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withRedis(server) { redis in
            try await redis.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 4mb 0")
            let counts = try await redis.subscribe(to: ["news"]) { messages in
                var published = 0
                while try await redis.publish("news", [UInt8](repeating: 7, count: 1 << 20)) == 1 { published += 1 }
                var taken = 0
                let error = await failure { for try await _ in messages { taken += 1 } }
                #expect((error as? RedisError)?.loss != nil)
                return (published, taken)
            }
            #expect((3..<50).contains(counts.0) && counts.1 < counts.0, "\(counts)")
            try await server.crash()
        }
    }

    @Test func `a subscription ends when its task is cancelled, or the client closed`() async throws {
        let redis = try Redis(url: try await sharedRedis.value.bySocket)
        try await onLoop { _ in
            let listens = Signal()
            func listen() -> Task<Int, any Error> {
                Task.immediate {
                    try await redis.subscribe(to: [freshKey()]) { messages in
                        listens.send()
                        return try await messages.reduce(0) { count, _ in count + 1 }
                    }
                }
            }
            let (cancelled, other) = (listen(), listen())
            await listens.wait(for: 2)
            cancelled.cancel()
            await #expect(throws: RedisError.cancelled) { try await cancelled.value }
            await redis.close()
            let count = try await other.value
            #expect(count == 0)
            await #expect(throws: RedisError.closed) { try await redis.subscribe(to: ["a"]) { _ in } }
        }
    }

    @Test func `who subscribes to nothing, or may not, is told so`() async throws {
        try await withRedis { redis in
            await #expect(throws: RedisError.invalidParameter("a subscription to no channel")) {
                try await redis.subscribe(to: []) { _ in }
            }
            let error = await failure { try await redis.command("SUBSCRIBE", "a") }
            #expect(error as? RedisError == .unsupported("SUBSCRIBE as a command (see Redis.subscribe)"))
        }
        try await withRedis { admin in
            let (user, server) = (freshKey(), try await sharedRedis.value)
            try await admin.command("ACL", "SETUSER", user, "on", ">secret", "+@all", "resetchannels")
            let redis = try Redis(url: server.byName.replacing("app:", with: "\(user):"))
            let error = await failure { try await redis.subscribe(to: ["a"]) { _ in } }
            let answer = try #require((error as? RedisError)?.answer)
            #expect(answer.code == "NOPERM")
            await redis.close()
        }
    }
}
