import Foundation
import IgropyrRedis
import IgropyrUV
import TestSupport
import Testing

@testable import Igropyr

/// As `docs/databases.md` has it.
private struct RedisSessions: SessionStore {
    let redis: Redis

    func load(_ token: String) async throws -> SessionRecord? {
        guard let text = try await redis.get("session:\(token)") else { return nil }
        return try JSONDecoder().decode(SessionRecord.self, from: Data(text.utf8))
    }

    func save(_ record: SessionRecord, as token: String?) async throws -> String {
        let token = token ?? UUID().uuidString
        let text = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        try await redis.set("session:\(token)", text, expiresIn: .seconds(24 * 3600))
        return token
    }

    func remove(_ token: String) async throws { try await redis.del("session:\(token)") }
}

@Suite(.timeLimit(.minutes(5))) struct RedisSessionTests {
    @Test func `a session is read though the store has no room, outlives a new server, and is told from none`()
        async throws
    {
        let server = try RedisServer()
        try await server.start()
        let redis = try Redis(url: server.bySocket)
        let time = Locked(EventLoop.secondsSince1970)
        let app = App()
        app.use(Sessions(RedisSessions(redis: redis), now: { time.withLock { $0 } }))
        app.get("/in") { request in
            request.session.renew()
            request.session["name"] = "Ali"
            return "welcome"
        }
        app.get("/me") { request in request.session["name"] ?? "nobody" }
        app.get("/set") { request in
            request.session["name"] = "Baba"
            return "set"
        }
        let running = try await app.start()
        let folder = try TemporaryFolder()
        func ask(_ path: String) async throws -> String {
            let cookies = "\(folder.path)/cookies"
            return try await run([
                "curl", "-s", "-b", cookies, "-c", cookies, "-o", "\(folder.path)/body", "-w", "%{http_code} ",
                "http://\(running.address)\(path)",
            ]).output + (try String(contentsOfFile: "\(folder.path)/body", encoding: .utf8))
        }
        #expect(try await ask("/in") == "200 welcome")
        #expect(try await ask("/me") == "200 Ali")
        try await redis.command("CONFIG", "SET", "maxmemory", "1")
        time.withLock { $0 += 600 }  // Its use is to be noted.
        #expect(try await ask("/me") == "200 Ali")
        #expect(try await ask("/set").hasPrefix("500 "))
        #expect(try await ask("/in").hasPrefix("500 "))
        #expect(try await ask("/me") == "200 Ali")
        try await server.crash()
        #expect(try await ask("/me").hasPrefix("500 "))
        try await server.start()
        #expect(try await ask("/me") == "200 nobody")
        try await running.stop()
        await redis.close()
        try await server.crash()
    }
}
