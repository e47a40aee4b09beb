import HTTPTypes
import Igropyr
import Testing

private struct Person: ResponseCodable, Sendable {
    enum Colour: String, Codable, Sendable { case red, blue }

    var name: String
    var age: Int?
    var isAdult: Bool?
    var colour: Colour?
    var tags: [String]?
    var weights: Set<Double>?
}

@Suite(.timeLimit(.minutes(5))) struct DecodingTests {
    private static func addRoutes(_ app: App) {
        app.post("/any") { request async throws -> Person in try await request.decode() }
        app.post("/form") { request async throws in try await request.form(Person.self) }
        app.get("/query") { request in try request.query.decode(Person.self) }
        app.get("/list") { _ in [Person(name: "A"), Person(name: "B")] }
        app.get("/map") { _ in ["a": Person(name: "A")] }
    }

    private static let forms: [(form: String, status: Int, answer: String)] = [
        ("name=J+D%26", 200, #"{"name":"J D&"}"#),
        ("name=A&age=7&isAdult=on&colour=red&tags=a&tags=b&weights=1.5", 200, #""tags":["a","b"]"#),
        ("name=A&age=7&isAdult=0", 200, #""isAdult":false"#),
        ("name=A&age=&colour=&isAdult=", 200, #"{"name":"A"}"#),
        ("name=", 200, #"{"name":""}"#),
        ("age=7", 400, #"the key "name" is missing"#),
        ("", 400, #"the key "name" is missing"#),
        ("name=A&age=seven", 400, "at age: not a value of type Int"),
        ("name=A&isAdult=maybe", 400, "at isAdult: not a value of type Bool"),
        ("name=A&colour=green", 400, "at colour: "),
        ("name=A&weights=1&weights=x", 400, "at weights: not a value of type Double"),
        ("name=%zz", 400, "invalidPercentEncoding"),
        (String(repeating: "a=b&", count: 1001), 400, "queryTooLong"),
    ]

    @Test(arguments: forms) func `a form is decoded, and what is wrong with it is said`(
        form: String, status: Int, answer: String
    ) async throws {
        try await withApp(Self.addRoutes) { caller in
            let type = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
            for target in ["/form", "/any"] {
                let response = try await caller.send(target, type, method: "POST", body: form)
                #expect(response.status == status)
                #expect(response.text.contains(answer), "\(response.text)")
            }
            let response = try await caller.send("/query?" + form)
            #expect(response.status == status)
            #expect(response.text.contains(answer), "\(response.text)")
        }
    }

    @Test func `a body is decoded by its type, and other types are refused`() async throws {
        try await withApp(Self.addRoutes) { caller in
            let json = try await caller.send(
                "/any", [("Content-Type", "application/json")], method: "POST", body: #"{"name":"A"}"#)
            #expect(json.text == #"{"name":"A"}"#)
            #expect(json.field("Content-Type") == "application/json")
            for fields in [[("Content-Type", "text/plain")], []] {
                #expect(try await caller.send("/any", fields, method: "POST", body: "{}").status == 415)
            }
        }
    }

    @Test func `values that encode are responses, in arrays and dictionaries, too`() async throws {
        try await withApp(Self.addRoutes) { caller in
            let (list, map) = (try await caller.send("/list"), try await caller.send("/map"))
            #expect(list.text == #"[{"name":"A"},{"name":"B"}]"#)
            #expect(map.text == #"{"a":{"name":"A"}}"#)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct CookieTests {
    @Test func `cookies are read as browsers send them`() async throws {
        try await withApp { app in
            app.get("/") { request in
                request.cookies.names.map { "\($0)=\(request.cookies[$0] ?? "-")" }.joined(separator: "|")
            }
        } _: { caller in
            let rows: [([(String, String)], String)] = [
                ([("Cookie", "a=1; b=\"2\";c = 3 ;nothing; d=4=5; =6; a=7")], "a=1|b=2|c=3|d=4=5|a=1"),
                ([("Cookie", "a=1"), ("Cookie", "b=2")], "a=1|b=2"),
                // A combining mark hides no delimiter before it.
                ([("Cookie", "a=\"1\";\u{301}b= \u{301}2")], "a=1|\u{301}b=\u{301}2"),
                ([], ""),
            ]
            for (fields, text) in rows {
                let response = try await caller.send("/", fields)
                #expect(response.text == text)
            }
        }
    }

    @Test func `cookies are set with their attributes, several in one response`() async throws {
        try await withApp { app in
            app.get("/") { _ in
                var response = Response(text: "")
                try response.setCookie(Cookie("a", "1"))
                var other = try Cookie("b", "2")
                (other.path, other.domain, other.maximumAge) = (nil, "example.org", .seconds(60))
                (other.isHTTPOnly, other.sameSite) = (false, Cookie.SameSite.none)
                try response.setCookie(other)
                return response
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = await raw.receive { _ in false }
            #expect(text.contains("\r\nSet-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax\r\n"))
            let other = "b=2; Domain=example.org; Max-Age=60; Secure; SameSite=None"
            #expect(text.contains("\r\nSet-Cookie: \(other)\r\n"))
        }
    }

    @Test(arguments: [("a b", "1"), ("", "1"), (":a", "1"), ("a", "1;2"), ("a", "1 2"), ("a", "\""), ("a", "\r\n")])
    func `a cookie that would break out of its field is refused`(name: String, value: String) {
        #expect(throws: InvalidCookie.self) { try Cookie(name, value) }
    }

    @Test func `a path that would end its attribute is refused`() throws {
        var cookie = try Cookie("a", "1")
        cookie.path = "/; Domain=b"
        var response = Response()
        #expect(throws: InvalidCookie.self) { try response.setCookie(cookie) }
    }
}
