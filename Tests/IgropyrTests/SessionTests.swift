import IgropyrUV
import TestSupport
import Testing

@testable import Igropyr

private let secret = "0123456789abcdef0123456789abcdef"

/// A visitor's browser, as far as the session's cookie goes.
private final class Browser {
    private let caller: Caller
    private(set) var cookie: String?

    init(_ caller: Caller, cookie: String? = nil) {
        self.caller = caller
        self.cookie = cookie
    }

    /// The response's text, and what it said of the cookie.
    func get(_ path: String, _ fields: [(String, String)] = []) async throws -> (text: String, setCookie: String?) {
        let cookies = cookie.map { [("Cookie", "other=1; session=\($0)")] } ?? []
        let response = try await caller.send(path, cookies + fields)
        #expect(response.status == 200, "\(response.text)")
        let setCookie = response.field("Set-Cookie")
        if let setCookie {
            let value = try #require(setCookie.split(separator: ";").first).dropFirst("session=".count)
            cookie = value.isEmpty ? nil : String(value)
            #expect(response.field("Cache-Control") == "private")
        }
        return (response.text, setCookie)
    }
}

private enum StoreKind: CaseIterable {
    case memory
    case sealed

    func middleware(_ now: @escaping @Sendable () -> Int64) throws -> Sessions {
        switch self {
        case .memory: Sessions(MemorySessions(), now: now)
        case .sealed: Sessions(try SealedSessions(secrets: [secret]), now: now)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct SessionTests {
    private static func withSessions(
        _ kind: StoreKind, now: @escaping @Sendable () -> Int64 = { EventLoop.secondsSince1970 },
        _ body: @escaping @Sendable (Caller) async throws -> Void
    ) async throws {
        try await withApp(
            { app in
                app.use(try kind.middleware(now))
                app.get("/") { request in request.session["name"] ?? "nobody" }
                app.get("/login/:name") { request in
                    request.session.renew()
                    request.session["name"] = request.parameters["name"]
                    return "welcome"
                }
                app.get("/count") { request in
                    let count = try request.session.value(Int.self, for: "count") ?? 0
                    try request.session.set(count + 1, for: "count")
                    return "\(count)"
                }
                app.get("/logout") { request in
                    request.session.end()
                    return "goodbye"
                }
            }, body)
    }

    @Test(arguments: StoreKind.allCases) private func `a visitor is remembered from login to logout`(
        kind: StoreKind
    ) async throws {
        try await Self.withSessions(kind) { caller in
            let (ann, bob) = (Browser(caller), Browser(caller))
            #expect(try await ann.get("/") == ("nobody", nil))  // Nothing to remember, so no cookie.
            let login = try #require(try await ann.get("/login/ann").setCookie)
            #expect(login.hasSuffix("; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax"))
            _ = try await bob.get("/login/bob")
            #expect(try await ann.get("/").text == "ann")
            #expect(try await bob.get("/").text == "bob")
            for count in 0..<3 { #expect(try await ann.get("/count").text == "\(count)") }
            let logout = try #require(try await ann.get("/logout").setCookie)
            #expect(logout.hasPrefix("session=; ") && logout.contains("Max-Age=0"))
            #expect(try await ann.get("/").text == "nobody")
            #expect(try await bob.get("/").text == "bob")
        }
    }

    @Test func `a token that was planted before login is worth nothing after it`() async throws {
        try await Self.withSessions(.memory) { caller in
            let attacker = Browser(caller)
            _ = try await attacker.get("/count")
            let planted = try #require(attacker.cookie)
            let victim = Browser(caller, cookie: planted)
            _ = try await victim.get("/login/ann")
            #expect(victim.cookie != planted)
            #expect(try await victim.get("/").text == "ann")
            #expect(try await victim.get("/count").text == "1")  // What was there before goes along.
            #expect(try await attacker.get("/").text == "nobody")
            let invented = Browser(caller, cookie: "0123456789")
            _ = try await invented.get("/count")
            #expect(invented.cookie != "0123456789")
        }
    }

    @Test(arguments: StoreKind.allCases) private func `a session ends when it is not used, and in any case one day`(
        kind: StoreKind
    ) async throws {
        let time = Locked<Int64>(1_000_000)
        try await Self.withSessions(kind, now: { time.withLock { $0 } }) { caller in
            let browser = Browser(caller)
            _ = try await browser.get("/login/ann")
            #expect(try await browser.get("/").setCookie == nil)  // Mere reading stores nothing.
            time.withLock { $0 += 1000 }
            #expect(try await browser.get("/").setCookie?.contains("Max-Age=1800") == true)
            time.withLock { $0 += 1700 }
            #expect(try await browser.get("/").text == "ann")
            time.withLock { $0 += 1801 }
            #expect(try await browser.get("/").text == "nobody")
            _ = try await browser.get("/login/ann")
            for _ in 0..<86 {
                time.withLock { $0 += 1000 }
                #expect(try await browser.get("/").text == "ann")
            }
            time.withLock { $0 += 400 }
            #expect(try await browser.get("/").text == "nobody")
        }
    }

    @Test(arguments: StoreKind.allCases) private func `a token is worth nothing in another cookie`(
        kind: StoreKind
    ) async throws {
        let visitors = try kind.middleware { EventLoop.secondsSince1970 }
        var keepers = visitors  // Of the same store, or by the same secret.
        keepers.cookieName = "keeper"
        try await withApp { app in
            for (name, sessions) in [("/visitors", visitors), ("/keepers", keepers)] {
                let group = app.group(name)
                group.use(sessions)
                group.get("/") { request in request.session["name"] ?? "nobody" }
                group.get("/login") { request in
                    request.session["name"] = "ann"
                    return "welcome"
                }
            }
        } _: { caller in
            let login = try await caller.send("/visitors/login")
            let cookie = try #require(login.field("Set-Cookie")?.split(separator: ";").first)
            #expect(try await caller.send("/visitors", [("Cookie", "\(cookie)")]).text == "ann")
            let moved = "keeper=\(cookie.dropFirst("session=".count))"
            #expect(try await caller.send("/keepers", [("Cookie", moved)]).text == "nobody")
            #expect(try await caller.send("/visitors", [("Cookie", "\(cookie)")]).text == "ann")
        }
    }

    @Test func `a session may be meant to last for ever, and a store may say what it likes of its age`() async throws {
        struct OddStore: SessionStore {
            func load(_ token: String) -> SessionRecord? {
                SessionRecord(began: Int64(token) ?? 0, cookieName: "session")
            }
            func save(_ record: SessionRecord, as token: String?) -> String { token ?? "1" }
            func remove(_ token: String) {}
        }
        let rows = [
            (Duration.seconds(Int64.max), ["0", "\(Int64.max)", "\(Int64.min)"]), (.seconds(1), ["0", "\(Int64.min)"]),
        ]
        for (lasting, tokens) in rows {
            try await withApp { app in
                var sessions = Sessions(OddStore())
                (sessions.idleTimeout, sessions.lifetime) = (lasting, lasting)
                app.use(sessions)
                app.get("/") { request in
                    request.session["name"] = "Ann"
                    return request.session["name"] ?? ""
                }
            } _: { caller in
                for token in tokens {
                    let response = try await caller.send("/", [("Cookie", "session=\(token)")])
                    #expect(response.text == "Ann")
                }
            }
        }
    }

    @Test func `without the middleware a session is its request's, and the log says so once`() async throws {
        let log = KeptLog()
        try await withApp { app in
            app.logger = log.logger
            let visit: @Sendable (Request) -> String = { request in
                let last = request.session["name"] ?? "nobody"
                request.session["name"] = "Ann"
                return "\(last), then \(request.session["name"] ?? "nobody")"
            }
            app.get("/", visit)
            app.get("/late") { request async in
                await Task.yield()
                return visit(request)
            }
        } _: { caller in
            for target in ["/", "/late", "/"] {
                let response = try await caller.send(target)
                #expect(response.text == "nobody, then Ann")
                #expect(response.field("Set-Cookie") == nil)
            }
        }
        let line = "error a session is forgotten with its request: app.use(Sessions(…)) around the route is missing"
        #expect(log.entries.map(\.text) == [line])
        #expect(log.entries.first?.metadata == ["method": "GET", "path": "/"])
    }

    @Test func `the cookie goes by https only where the request came by it`() async throws {
        try await Self.withSessions(.memory) { caller in
            let secure = try await Browser(caller).get("/login/ann", [("X-Forwarded-Proto", "https")]).setCookie
            #expect(secure?.contains("; Secure; ") == true)
        }
    }

    @Test func `sealed sessions open by each secret, and by no other, and not when changed`() throws {
        let store = try SealedSessions(secrets: [secret])
        var record = SessionRecord(began: 7, cookieName: "session")
        record.values = ["name": "ann \u{1F525}"]
        let token = try store.save(record, as: nil)
        #expect(store.load(token) == record)
        let changed = try SealedSessions(secrets: [String(secret.reversed()), secret])
        #expect(changed.load(token) == record)
        #expect(store.load(try changed.save(record, as: nil)) == nil)
        for position in stride(from: 0, to: token.utf8.count, by: 7) {
            var bytes = Array(token.utf8)
            bytes[position] = bytes[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(store.load(String(decoding: bytes, as: UTF8.self)) == nil, "byte \(position)")
        }
        for noise in ["", "A", "%", "\u{1F525}", String(repeating: "A", count: 4000)] {
            #expect(store.load(noise) == nil)
        }
        record.values["name"] = String(repeating: "x", count: 4000)
        #expect(throws: SessionTooLarge.self) { try store.save(record, as: nil) }
        #expect(throws: WeakSecret.self) { try SealedSessions(secrets: ["password"]) }
        #expect(throws: WeakSecret.self) { try SealedSessions(secrets: []) }
    }

    @Test func `sessions in memory are bounded, and those in use stay`() {
        let store = MemorySessions(limit: 100)
        var used = SessionRecord(began: 0, cookieName: "session")
        used.values = ["name": "ann"]
        let token = store.save(used, as: nil)
        for _ in 0..<1000 {
            _ = store.save(SessionRecord(began: 0, cookieName: "session"), as: nil)
            #expect(store.load(token) == used)
            #expect(store.count <= 100)
        }
        store.remove(token)
        #expect(store.load(token) == nil)
    }
}
