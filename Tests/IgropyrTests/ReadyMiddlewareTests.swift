import HTTPTypes
import Igropyr
import IgropyrTransport
import Testing

private enum UserKey: RequestKey { typealias Value = Int }

@Suite(.timeLimit(.minutes(5))) struct ReadyMiddlewareTests {
    private static let preflight = [("Access-Control-Request-Method", "PUT")]

    @Test func `CORS answers preflights and marks responses, errors among them, for origins that may`() async throws {
        try await withApp { app in
            app.use(CORS(origins: .these(["https://a.example"]), exposedFields: ["X-B"], allowsCredentials: true))
            app.put("/") { _ in "put" }
            app.get("/gone") { _ -> String in throw HTTPFailure(.gone) }
        } _: { caller in
            let preflight = try await caller.send(
                "/", Self.preflight + [("Origin", "https://a.example")], method: "OPTIONS")
            #expect(preflight.status == 204)
            #expect(preflight.field("Access-Control-Allow-Methods") == "GET, HEAD, POST, PUT, PATCH, DELETE")
            #expect(preflight.field("Access-Control-Allow-Headers") == "Authorization, Content-Type")
            #expect(preflight.field("Access-Control-Max-Age") == "600")
            for (target, method, status) in [("/", "PUT", 200), ("/gone", "GET", 410), ("/none", "GET", 404)] {
                let response = try await caller.send(target, [("Origin", "https://a.example")], method: method)
                #expect(response.status == status)
                #expect(response.field("Access-Control-Allow-Origin") == "https://a.example")
                #expect(response.field("Access-Control-Allow-Credentials") == "true")
                #expect(response.field("Access-Control-Expose-Headers") == "X-B")
                #expect(response.field("Vary") == "Origin")
            }
            let stranger = try await caller.send("/", [("Origin", "https://b.example")], method: "PUT")
            #expect(stranger.field("Access-Control-Allow-Origin") == nil)
            #expect(stranger.field("Vary") == "Origin")
            let refused = try await caller.send(
                "/", Self.preflight + [("Origin", "https://b.example")], method: "OPTIONS")
            #expect(refused.field("Access-Control-Allow-Methods") == nil)
            #expect(refused.field("Allow") == "PUT, OPTIONS")
        }
    }

    @Test func `CORS for anybody never allows credentials`() async throws {
        try await withApp { app in
            app.use(CORS(origins: .any, allowsCredentials: true))
            app.get("/") { _ in "" }
        } _: { caller in
            let response = try await caller.send("/", [("Origin", "null")])
            #expect(response.field("Access-Control-Allow-Origin") == "*")
            #expect(response.field("Access-Control-Allow-Credentials") == nil)
            #expect(try await caller.send("/").field("Access-Control-Allow-Origin") == nil)
        }
    }

    @Test func `each request has an id, and one that comes along counts if it may`() async throws {
        for isTrusting in [false, true] {
            try await withApp { app in
                app.use(RequestIDs(trustsClients: isTrusting))
                app.get("/") { request in request.id ?? "-" }
            } _: { caller in
                let first = try await caller.send("/")
                let second = try await caller.send("/")
                #expect(first.field("X-Request-ID") == first.text)
                #expect(first.text != second.text)
                #expect(!first.text.isEmpty)
                let given = try await caller.send("/", [("X-Request-ID", "abc-1_2.Z")])
                #expect((given.text == "abc-1_2.Z") == isTrusting)
                for bad in ["a b", "", "a\u{e9}", String(repeating: "a", count: 129), "a\"b"] {
                    #expect(try await caller.send("/", [("X-Request-ID", bad)]).text != bad)
                }
            }
        }
    }

    private static let basics: [(field: String?, status: Int)] = [
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 200),  // RFC 7617 §2: Aladdin:open sesame
        ("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 200),
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZUE=", 401),
        ("Basic QWxhZGRpbg==", 401), ("Basic !", 401), ("Basic", 401), ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", 401),
        (nil, 401),
    ]

    @Test(arguments: basics) func `basic authentication lets in the right password only`(
        field: String?, status: Int
    ) async throws {
        try await withApp { app in
            app.use(
                BasicAuthentication(realm: "a \"b\"\u{301}") { name, password in
                    name == "Aladdin" && constantTimeEquals(password, "open sesame")
                })
            app.get("/") { request in request.authenticatedName ?? "-" }
        } _: { caller in
            let response = try await caller.send("/", field.map { [("Authorization", $0)] } ?? [])
            #expect(response.status == status)
            if status == 200 {
                #expect(response.text == "Aladdin")
            } else {
                let expected = #"Basic realm="a \"b\"\#u{301}", charset="UTF-8""#
                #expect(response.field("WWW-Authenticate") == expected)
            }
        }
    }

    @Test func `bearer authentication hands the handler who it was`() async throws {
        try await withApp { app in
            let group = app.group("/in")
            group.use(BearerAuthentication(UserKey.self) { token in token == "t" ? 7 : nil })
            group.get("/") { request in "\(request[UserKey.self] ?? 0)" }
        } _: { caller in
            let user = try await caller.send("/in", [("Authorization", "Bearer t")])
            #expect(user.text == "7")
            #expect(try await caller.send("/in", [("Authorization", "Bearer u")]).status == 401)
            #expect(try await caller.send("/in").field("WWW-Authenticate") == "Bearer")
        }
    }

    @Test func `basic authentication hands the handler who it was`() async throws {
        try await withApp { app in
            app.use(BasicAuthentication(UserKey.self) { name, _ in name == "Ann" ? 7 : nil })
            app.get("/") { request in "\(try request.require(UserKey.self)) \(request.authenticatedName ?? "-")" }
        } _: { caller in
            let ann = try await caller.send("/", [("Authorization", "Basic QW5uOg==")])  // Ann:
            let bob = try await caller.send("/", [("Authorization", "Basic Qm9iOg==")])  // Bob:
            #expect(ann.text == "7 Ann")
            // Ann:, and a mark that combines with the colon.
            #expect(try await caller.send("/", [("Authorization", "Basic QW5uOsyB")]).text == "7 Ann")
            #expect(bob.status == 401)
        }
    }

    @Test func `a value that no middleware has set fails its request, and says which it is`() async throws {
        try await withApp { app in
            app.get("/") { request in "\(try request.require(UserKey.self))" }
            app.get("/why") { request in
                do throws(NoSuchValue) { return "\(try request.require(UserKey.self))" } catch { return "\(error)" }
            }
        } _: { caller in
            let (answer, reason) = (try await caller.send("/"), try await caller.send("/why"))
            #expect(answer.status == 500)
            #expect(reason.text.hasPrefix("nothing is set under UserKey: "))
        }
    }

    /// What a browser says of the page that sends a form to `shop.example`, and whether that counts.
    private static let senders: [(fields: [(String, String)], status: Int)] = [
        ([], 200),
        ([("Sec-Fetch-Site", "same-origin"), ("Origin", "https://shop.example")], 200),
        ([("Sec-Fetch-Site", "none")], 200),
        ([("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")], 403),
        ([("Sec-Fetch-Site", "same-site"), ("Origin", "https://blog.shop.example")], 403),
        ([("Sec-Fetch-Site", "cross-site"), ("Origin", "https://friend.example")], 200),
        ([("Origin", "http://Shop.example")], 200),
        ([("Origin", "https://shop.example:8443")], 403),
        ([("Origin", "https://shop.example.evil.example")], 403),
        ([("Origin", "https://friend.example")], 200),
        ([("Origin", "null")], 403),
        ([("Origin", "shop.example")], 403),
    ]

    @Test(arguments: senders.indices) func `a form that another site's page sends is refused`(index: Int) async throws {
        let (fields, status) = Self.senders[index]
        try await withApp { app in
            app.use(CrossOriginProtection(trusting: ["https://friend.example"]))
            app.get("/") { _ in "got" }
            app.post("/") { _ in "done" }
        } _: { caller in
            var request = HTTPRequester.Request(.post, "/", fields: fields.map { (name: $0.0, value: $0.1) })
            request.host = "shop.example"
            let posted = try await caller.client.send(request, to: caller.server.address)
            request.method = .get
            let got = try await caller.client.send(request, to: caller.server.address)
            #expect(posted.status == status && got.status == 200)
        }
    }

    @Test func `security headers leave alone what the handler has set`() async throws {
        try await withApp { app in
            app.use(SecurityHeaders())
            app.get("/") { _ in "" }
            app.get("/own") { _ in Response(text: "").with(.contentSecurityPolicy, "default-src *") }
        } _: { caller in
            let usual = try await caller.send("/")
            #expect(usual.field("X-Content-Type-Options") == "nosniff")
            #expect(usual.field("Content-Security-Policy") == "default-src 'self'; frame-ancestors 'self'")
            #expect(usual.field("Referrer-Policy") == "strict-origin-when-cross-origin")
            #expect(usual.field("Strict-Transport-Security") == nil)  // It did not come by TLS.
            #expect(try await caller.send("/own").field("Content-Security-Policy") == "default-src *")
        }
    }

    @Test func `a client that asks too often is told how long to wait`() async throws {
        try await withApp { app in
            let group = app.group("/limited")
            group.use(RateLimit(requestsPerSecond: 0.01, burst: 3))
            group.get("/") { _ in "" }
            app.get("/free") { _ in "" }
        } _: { caller in
            for _ in 0..<3 { #expect(try await caller.send("/limited").status == 200) }
            let refused = try await caller.send("/limited")
            #expect(refused.status == 429)
            #expect((90...100).contains(Int(refused.field("Retry-After") ?? "") ?? 0))
            #expect(try await caller.send("/free").status == 200)
        }
    }

    @Test func `behind a proxy clients count by the address that it names`() async throws {
        try await withApp { app in
            app.use(RateLimit(requestsPerSecond: 0.01, burst: 1, trustedProxies: [IPNetwork("127.0.0.0/8")!]))
            app.get("/") { _ in "" }
        } _: { caller in
            // What a client claims itself stands before what the proxy adds.
            let clients = [
                ("192.0.2.1", 200), ("192.0.2.2", 200), ("198.51.100.7, 192.0.2.1", 429), ("2001:db8::1", 200),
                ("2001:db8::2", 429),
            ]
            for (client, status) in clients {
                let response = try await caller.send("/", [("X-Forwarded-For", client)])
                #expect(response.status == status, "\(client)")
            }
        }
    }

    private static let redirects: [(fields: [(String, String)], target: String, location: String?)] = [
        ([("Host", "a.example:80")], "/x?y=1", "https://a.example/x?y=1"),
        ([("Host", "[::1]:8080")], "/", "https://[::1]/"),
        ([("Host", "[::1]")], "/%20", "https://[::1]/%20"),
        ([("Host", "a.example"), ("X-Forwarded-Proto", "https")], "/", nil),
        ([("Host", "a.example"), ("X-Forwarded-Proto", "http")], "/", "https://a.example/"),
    ]

    @Test(arguments: redirects.indices) func `what came without TLS is sent there`(index: Int) async throws {
        let row = Self.redirects[index]
        try await withApp { app in
            app.use(HTTPSRedirect(trustsProxy: true))
            app.get("/**") { _ in "" }
        } _: { caller in
            let raw = try await caller.connect()
            let fields = row.fields.map { "\($0.0): \($0.1)\r\n" }.joined()
            raw.send("GET \(row.target) HTTP/1.1\r\n\(fields)Connection: close\r\n\r\n")
            let text = await raw.receive { _ in false }
            #expect(text.hasPrefix(row.location == nil ? "HTTP/1.1 200 " : "HTTP/1.1 308 "))
            if let location = row.location { #expect(text.contains("\r\nLocation: \(location)\r\n")) }
        }
    }
}
