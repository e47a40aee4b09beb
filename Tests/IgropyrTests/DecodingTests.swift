import Foundation
import HTTPTypes
import Igropyr
import IgropyrUV
import Testing

private struct Person: ResponseCodable, Sendable {
    enum Colour: String, Codable, Sendable { case red, blue }

    var name: String
    var age: Int?
    var isAdult: Bool?
    var colour: Colour?
    var tags: [String]?
    var weights: Set<Double>?
    var born: Date?
    var page: URL?
    var price: Decimal?
    var friends: [Friend]?

    struct Friend: Codable, Sendable { var id: Int }
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
        ("name=A&weights=nan", 400, "at weights: not a value of type Double"),
        ("name=A&weights=inf", 400, "at weights: not a value of type Double"),
        ("name=A&born=2026-11-29T21:16:10Z", 200, #""born":"2026-11-29T21:16:10Z""#),
        ("name=A&born=yesterday", 400, "at born: not a date of ISO 8601"),
        ("name=A&page=http://a/b?c", 200, #""page":"http://a/b?c""#),
        ("name=A&price=1.10", 200, #""price":1.1"#), ("name=A&price=-1e2", 200, #""price":-100"#),
        ("name=A&price=1.10x", 400, "at price: not a value of type"),
        ("name=A&price=x", 400, "at price: not a value of type"), ("name=A&price=0x10", 400, "at price: not a value"),
        ("name=A&price=1e9999", 400, "at price: not a value of type"),
        ("name=A&born=2026-11-29T22:16:10.250%2B01:00", 200, #""born":"2026-11-29T21:16:10Z""#),
        ("name=A&born=2026-11-29T21:16:10Zx", 400, "at born: not a date"),
        ("name=A&born=2026-11-29T21:16:10%2B01:00Z", 400, "at born: not a date"),
        ("name=A&born=2026-11-29T21:16:10", 400, "at born: not a date"),
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
            for type in ["application/merge-patch+json", "Application/Vnd.API+JSON; charset=utf-8"] {
                let patch = try await caller.send(
                    "/any", [("Content-Type", type)], method: "POST", body: #"{"name":"A"}"#)
                #expect(patch.text == #"{"name":"A"}"#)
            }
            for fields in [[("Content-Type", "text/plain")], [("Content-Type", "json")], []] {
                #expect(try await caller.send("/any", fields, method: "POST", body: "{}").status == 415)
            }
        }
    }

    private static let documents: [(json: String, status: Int, answer: String)] = [
        (#"{"name":"A","born":"2026-11-29T21:16:10Z"}"#, 200, #""born":"2026-11-29T21:16:10Z""#),
        (#"{"name":"A","born":"2026-11-29T22:16:10+01:00"}"#, 200, #""born":"2026-11-29T21:16:10Z""#),
        (#"{"name":"A","born":"yesterday"}"#, 400, "at born: not a date of ISO 8601"),
        (#"{"name":"A","born":7}"#, 400, "at born: not a value of type String"),
        (#"{"name":"A","friends":[{"id":1},{"id":"x"}]}"#, 400, "at friends[1].id: not a value of type Int"),
        (#"{"name":"A","friends":[{"id":1},{}]}"#, 400, #"at friends[1]: the key "id" is missing"#),
        (#"{"name":"A","friends":[{"id":null}]}"#, 400, "at friends[0].id: null where a Int is needed"),
        (#"{"name":"A","friends":{}}"#, 400, "at friends: not an array"),
        (#"{"name":"A","friends":[7]}"#, 400, "at friends[0]: not an object"),
        ("[]", 400, "expected: not an object"),
        (#"{"name":"A","age":1.5}"#, 400, "a number in it has a fraction"),
        (#"{"name":"A","age":99999999999999999999}"#, 400, "a number in it has a fraction or more digits than fit"),
        (#"{"name":"A","#, 400, "not valid JSON"),
        ("", 400, "not valid JSON"),
        (String(repeating: "[", count: 100_000), 400, "The body is not the JSON expected"),
    ]

    @Test(arguments: documents) func `a client is told what is wrong with its JSON, and where`(
        json: String, status: Int, answer: String
    ) async throws {
        try await withApp(Self.addRoutes) { caller in
            let type = [("Content-Type", "application/json")]
            let response = try await caller.send("/any", type, method: "POST", body: json)
            #expect(response.status == status)
            #expect(response.text.contains(answer), "\(response.text)")
        }
    }

    private static let optionals: [(target: String, type: String?, body: String, status: Int, answer: String)] = [
        ("/any", nil, "", 200, "nobody"), ("/any", "application/json", "", 200, "nobody"),
        ("/any", "text/plain", "", 200, "nobody"), ("/any", "application/x-www-form-urlencoded", "", 200, "nobody"),
        ("/any", "application/json", "null", 200, "nobody"), ("/any", "application/json", #"{"name":"A"}"#, 200, "A"),
        ("/any", "application/x-www-form-urlencoded", "name=A", 200, "A"),
        ("/any", nil, #"{"name":"A"}"#, 415, "Send application/json"),
        ("/any", "application/json", "{}", 400, #"the key "name" is missing"#),
        ("/json", nil, "", 200, "nobody"), ("/json", nil, " ", 400, "not valid JSON"),
        ("/form", nil, "", 200, "nobody"), ("/form", nil, "age=7", 400, #"the key "name" is missing"#),
        ("/query", nil, "", 200, "nobody"), ("/query?", nil, "", 200, "nobody"), ("/query?name=A", nil, "", 200, "A"),
        ("/number", nil, "", 200, "none"), ("/number", nil, "7", 400, "names and values only"),
    ]

    @Test(arguments: optionals) func `where a type is optional, no body is no value`(
        target: String, type: String?, body: String, status: Int, answer: String
    ) async throws {
        try await withApp { app in
            app.post("/any") { request async throws in try await request.decode(Person?.self)?.name ?? "nobody" }
            app.post("/json") { request async throws in try await request.json(Person?.self)?.name ?? "nobody" }
            app.post("/form") { request async throws in try await request.form(Person?.self)?.name ?? "nobody" }
            app.post("/query") { request in try request.query.decode(Person?.self)?.name ?? "nobody" }
            app.post("/number") { request async throws in
                try await request.form(Int?.self).map { "\($0)" } ?? "none"
            }
        } _: { caller in
            let fields = type.map { [("Content-Type", $0)] } ?? []
            let response = try await caller.send(target, fields, method: "POST", body: body)
            #expect(response.status == status)
            #expect(response.text.contains(answer), "\(response.text)")
        }
    }

    private struct Named: ResponseCodable, Sendable {
        var firstName: String
        var born: Date?
    }

    private static let coders: [(target: String, body: String, status: Int, answer: String)] = [
        ("/value", #"{"first_name":"A","born":7}"#, 200, #"{"born":7,"first_name":"A"}"#),
        ("/list", #"[{"first_name":"A"}]"#, 200, #"[{"first_name":"A"}]"#),
        ("/value", #"{"firstName":"A"}"#, 200, #"{"first_name":"A"}"#),
        ("/value", #"{"first_name":"A","born":"2026-11-29T21:16:10Z"}"#, 400, "at born: "),
        ("/group/value", #"{"first_name":"A"}"#, 200, #"{"first_name":"A"}"#),
        ("/own", #"{"firstName":"A"}"#, 200, #"{"firstName":"A"}"#),
        ("/own", #"{"first_name":"A"}"#, 400, #"the key "firstName" is missing"#),
        ("/form", "firstName=A&born=2026-11-29T21:16:10Z", 200, #"{"born":1795986970,"first_name":"A"}"#),
    ]

    @Test(arguments: coders) func `an application has its way with JSON, and a handler its own`(
        target: String, body: String, status: Int, answer: String
    ) async throws {
        try await withApp { app in
            app.jsonDecoder.keyDecodingStrategy = .convertFromSnakeCase
            app.jsonDecoder.dateDecodingStrategy = .secondsSince1970
            app.jsonEncoder.keyEncodingStrategy = .convertToSnakeCase
            app.jsonEncoder.dateEncodingStrategy = .secondsSince1970
            app.jsonEncoder.outputFormatting = .sortedKeys
            app.post("/value") { request async throws in try await request.json(Named.self) }
            app.post("/list") { request async throws in try await request.json([Named].self) }
            app.group("/group").post("/value") { request async throws in JSON(try await request.json(Named.self)) }
            app.post("/own") { request async throws in
                JSON(try await request.json(Named.self, by: .forBodies), by: .forBodies)
            }
            app.post("/form") { request async throws in try await request.form(Named.self) }
        } _: { caller in
            let response = try await caller.send(target, method: "POST", body: body)
            #expect(response.status == status)
            #expect(response.text.contains(answer), "\(response.text)")
        }
    }

    private enum Size: String, Decodable { case small, large }

    private static let values: [(target: String, status: Int, answer: String)] = [
        ("/items/7/small", 200, "7 small 1 - []"),
        ("/items/-7/large?page=2&limit=5&tag=a&tag=b", 200, #"-7 large 2 5 ["a", "b"]"#),
        ("/items/7/small?page=&limit=", 200, "7 small 1 - []"),
        ("/items/seven/small", 400, "The path is not the one expected: at id: not a value of type Int"),
        ("/items/99999999999999999999/small", 400, "at id: not a value of type Int"),
        ("/items/7/huge", 400, "at size: "),
        ("/items/7/small?page=two", 400, "The query is not the one expected: at page: not a value of type Int"),
        ("/items/7/small?limit=300", 400, "at limit: not a value of type UInt8"),
        ("/needed?id=0B5F1B2E-9B5C-4B0F-8F43-6D1D4B0C9A11", 200, "0B5F1B2E-9B5C-4B0F-8F43-6D1D4B0C9A11"),
        ("/needed?id=x", 400, "at id: "), ("/needed?id=", 400, #"the key "id" is missing"#),
        ("/needed", 400, #"the key "id" is missing"#), ("/forgotten/7", 500, "Internal Server Error"),
    ]

    @Test(arguments: values) func `parts of a path and a query are values, or a 400 that says why not`(
        target: String, status: Int, answer: String
    ) async throws {
        try await withApp { app in
            app.get("/items/:id/:size") { request in
                let id = try request.parameters.require("id", as: Int.self)
                let size: Size = try request.parameters.require("size")
                let query = try request.query
                let page = try query.get("page", as: Int.self) ?? 1
                let limit = try query.get("limit", as: UInt8.self).map { "\($0)" } ?? "-"
                return "\(id) \(size) \(page) \(limit) \(try query.get("tag", as: [String].self) ?? [])"
            }
            app.get("/needed") { request in try request.query.require("id", as: UUID.self).uuidString }
            app.get("/forgotten/:number") { request in "\(try request.parameters.require("id", as: Int.self))" }
        } _: { caller in
            let response = try await caller.send(target)
            #expect(response.status == status)
            #expect(response.text.contains(answer), "\(response.text)")
        }
    }

    @Test func `values that encode are responses, in arrays and dictionaries, too`() async throws {
        try await withApp(Self.addRoutes) { caller in
            let (list, map) = (try await caller.send("/list"), try await caller.send("/map"))
            #expect(list.text == #"[{"name":"A"},{"name":"B"}]"#)
            #expect(map.text == #"{"a":{"name":"A"}}"#)
        }
    }

    @Test func `whatever makes a response makes one with fields`() async throws {
        try await withApp { app in
            app.get("/json") { _ in JSON(Person(name: "A"), status: .created).with(.location, "/a").with(.eTag, "1") }
            app.get("/one") { _ in Person(name: "A").with(.location, "/a") }
            app.get("/text") { _ in "A".with(.location, "/a") }
            app.get("/none") { _ in (nil as Person?).with(.location, "/a") }
        } _: { caller in
            for (path, status) in [("/json", 201), ("/one", 200), ("/text", 200), ("/none", 404)] {
                let response = try await caller.send(path)
                #expect(response.status == status)
                #expect(response.field("Location") == (status == 404 ? nil : "/a"))
                #expect(response.field("ETag") == (path == "/json" ? "1" : nil))
            }
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

    /// A browser removes what has a Max-Age of 0.
    @Test(arguments: [(1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (0, "0"), (-1, "0"), (-1500, "-1")])
    func `a cookie that is to be kept for some time is not removed`(milliseconds: Int, maxAge: String) throws {
        var cookie = try Cookie("a", "1")
        cookie.maximumAge = .milliseconds(milliseconds)
        var response = Response()
        try response.setCookie(cookie)
        #expect(response.fields[.setCookie]?.contains("; Max-Age=\(maxAge);") == true)
    }

    @Test func `a path that would end its attribute is refused`() throws {
        var cookie = try Cookie("a", "1")
        cookie.path = "/; Domain=b"
        var response = Response()
        #expect(throws: InvalidCookie.self) { try response.setCookie(cookie) }
    }
}
