import Igropyr
import IgropyrTesting
import TestSupport
import Testing

private struct Book: ResponseCodable, Sendable, Equatable {
    var id: Int
    var title: String
}

@Suite(.timeLimit(.minutes(5))) struct TestClientTests {
    private struct Wrong: Error {}

    private static func makeApp() -> App {
        let app = App()
        app.use(RequestIDs())
        app.post("/books", bodyLimit: 1000) { request async throws in
            JSON(try await request.decode(Book.self), status: .created)
        }
        app.post("/form") { request async throws in try await request.form(Book.self) }
        app.put("/text") { request async throws in
            "\(request.header("Content-Type") ?? ""): \(String(decoding: try await request.body(upTo: 100), as: UTF8.self))"
        }
        let visitors = app.group("/visits")
        visitors.use(Sessions(MemorySessions()))
        visitors.get("/") { request in
            let count = (Int(request.session["count"] ?? "") ?? 0) + 1
            request.session["count"] = "\(count)"
            return "\(count)"
        }
        app.webSocket("/echo") { _, socket in
            for try await message in socket.messages { try await socket.send(message) }
        }
        app.get("/broken") { _ in
            Response { writer in
                try await writer.write("half")
                throw Wrong()
            }
        }
        return app
    }

    private struct Profile: Decodable {
        var name: String
        var tags: [String]
        var picture: FormFile?
    }

    @Test func `a form with files arrives as it was sent`() async throws {
        let app = App()
        app.post("/") { request async throws in
            let profile: Profile = try await request.decode()
            let picture = profile.picture.map { "\($0.name) \($0.contentType ?? "-") \($0.bytes)" } ?? "-"
            return "\(profile.name) \(profile.tags) \(picture)"
        }
        try await app.test { client in
            let bytes = Array("\r\n--\0".utf8)
            let whole = try await client.send(
                .post, "/",
                multipart: [
                    "name": "Änn \(7)\r\n", "tags": "a", "tags": .text("b"),
                    "picture": .file(FormFile(name: "\"ä\"\r\n.png", contentType: "image/png", bytes: bytes)),
                ])
            #expect(whole.text == "Änn 7\r\n [\"a\", \"b\"] %22ä%22%0D%0A.png image/png \(bytes)")
            let least = try await client.send(
                .post, "/", multipart: ["name": "A", "picture": .file(FormFile(name: "a", bytes: []))])
            #expect(least.text == "A [] a application/octet-stream []")
            await #expect(throws: (any Error).self) {
                let file = FormFile(name: "a", contentType: "a/b\r\nX: y", bytes: [])
                _ = try await client.send(.post, "/", multipart: ["picture": .file(file)])
            }
        }
    }

    @Test func `an application answers as it would in service`() async throws {
        try await Self.makeApp().test { client in
            let book = Book(id: 7, title: "Pride & Prejudice")
            let created = try await client.send(.post, "/books", json: book)
            #expect(created.status == .created)
            #expect(created.fields[.contentType] == "application/json")
            #expect(created.fields[HTTPField.Name("X-Request-ID")!] != nil)
            #expect(try created.decode(Book.self) == book)
            #expect(try await client.send(.post, "/form", form: ["id": "7", "title": book.title]).decode() == book)
            #expect(try await client.send(.put, "/text", text: "grüß").text == "text/plain; charset=utf-8: grüß")
            #expect(
                try await client.send(.put, "/text", fields: [.contentType: "a/b"], text: "").text == "a/b: ")
            #expect(try await client.get("/none").status == .notFound)
            #expect(try await client.get("/books").status == .methodNotAllowed)
            let long = Book(id: 1, title: String(repeating: "a", count: 1000))
            #expect(try await client.send(.post, "/books", json: long).status == .contentTooLarge)
        }
    }

    @Test func `a cookie that was set can be sent back`() async throws {
        try await Self.makeApp().test { client in
            let first = try await client.get("/visits")
            let token = try #require(first.cookie("session"))
            let second = try await client.get("/visits", fields: [.cookie: "session=\(token)"])
            #expect([first.text, second.text] == ["1", "2"])
            #expect(second.cookie("sess") == nil)
            #expect(try await client.get("/visits").text == "1")
        }
    }

    @Test func `a WebSocket is opened and closed`() async throws {
        let answer = try await Self.makeApp().test { client in
            try await client.webSocket("/echo") { socket in
                try await socket.send("Hello")
                return try await socket.receive()
            }
        }
        #expect(answer == .text("Hello"))
    }

    @Test func `a response that breaks off is an error, and the application stops all the same`() async throws {
        let app = Self.makeApp()
        app.get("/is-it-you") { _ in "it is" }
        var address = ""
        await #expect(throws: (any Error).self) {
            try await app.test { client in
                address = client.address
                _ = try await client.get("/broken")
            }
        }
        #expect(!address.isEmpty)
        let later = try? await HTTPClient.shared.get("http://\(address)/is-it-you")
        #expect(later?.text != "it is", "others may have the port by now")
    }

    @Test func `many ask at once, and an application is tested by https as it serves`() async throws {
        let authority = try await TestAuthority()
        defer { withExtendedLifetime(authority) {} }  // The files go with it.
        let (chain, key) = try await authority.issue("test", for: ["IP:127.0.0.1"])
        let app = Self.makeApp()
        app.tls = TLSConfiguration(certificates: [.init(chainFile: chain, keyFile: key)])
        app.get("/encrypted") { request in "\(request.isEncrypted)" }
        try await app.test { client in
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await client.get("/encrypted").text } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == Array(repeating: "true", count: 20))
        }
    }

    @Test func `what is wrong with an application fails its test`() async {
        let app = App()
        app.get("no-slash") { _ in "" }
        await #expect(throws: PathPattern.Failure.self) { try await app.test { _ in } }
    }
}
