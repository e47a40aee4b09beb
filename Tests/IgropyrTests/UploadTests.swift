import Igropyr
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct UploadTests {
    private static func addRoutes(_ app: App) {
        app.bodyLimit = 16 << 20
        app.post("/parts") { request async throws in
            var lines: [String] = []
            for try await part in try request.multipart() {
                var count = 0
                for try await piece in part.body { count += piece.count }
                lines.append("\(part.name) \(part.fileName ?? "-") \(part.contentType ?? "-") \(count)")
            }
            return lines.joined(separator: "\n")
        }
        app.post("/first") { request async throws in
            for try await part in try request.multipart() where part.name == "b" {
                return try await part.text(upTo: 10)
            }
            return "none"
        }
    }

    private static let type = [("Content-Type", "multipart/form-data; boundary=\"b b\"")]

    private static func part(_ disposition: String, _ text: String) -> String {
        "--b b\r\nContent-Disposition: \(disposition)\r\n\r\n\(text)\r\n"
    }

    private static let end = "--b b--\r\n"

    private static let bodies: [(target: String, body: String, status: Int, answer: String)] = [
        ("/parts", part(#"form-data; name="a""#, "1") + end, 200, "a - - 1"),
        ("/parts", end, 200, ""),
        (
            "/parts", part(#"form-data; name="a"; filename="C:\x\..\y.txt""#, "") + end, 200, "a y.txt - 0"
        ),
        ("/parts", part(#"form-data; name="a"; filename="../..""#, "") + end, 200, "a  - 0"),
        ("/parts", part("form-data; name=a; filename=\"../\u{301}x\"", "") + end, 200, "a \u{301}x - 0"),
        ("/parts", part("form-data; name=a; filename=\"..\\\u{301}x\"", "") + end, 200, "a \u{301}x - 0"),
        ("/parts", part("form-data", "") + end, 400, "A part of the form has no name.\n"),
        ("/parts", part("attachment; name=a", "") + end, 400, "A part of the form has no name.\n"),
        ("/parts", "--b b\r\n\r\nx\r\n" + end, 400, "A part of the form has no name.\n"),
        ("/parts", part("form-data; name=a", "x"), 400, "The form cannot be understood: truncated\n"),
        ("/first", part("form-data; name=a", "x") + part("form-data; name=b", "yes") + end, 200, "yes"),
        ("/first", part("form-data; name=b", String(repeating: "x", count: 11)) + end, 413, "Content Too Large\n"),
        ("/first", part("form-data; name=a", "x") + end, 200, "none"),
    ]

    @Test(arguments: bodies) func `a form with files is read part by part`(
        target: String, body: String, status: Int, answer: String
    ) async throws {
        try await withApp(Self.addRoutes) { caller in
            let response = try await caller.send(target, Self.type, method: "POST", body: body)
            #expect(response.status == status)
            #expect(response.text == answer)
        }
    }

    private struct Profile: Decodable {
        var name: String
        var age: Int?
        var tags: [String]?
        var picture: FormFile?
        var files: [FormFile]
    }

    private struct Picture: Decodable { var picture: FormFile }

    private static let name = part("form-data; name=name", "J D")
    private static let picture = part(#"form-data; name="picture"; filename="a.txt""#, "abc")
    private static let noPicture = part(#"form-data; name="picture"; filename="""#, "")

    private static let profiles: [(target: String, body: String, status: Int, answer: String)] = [
        ("/profile", name + end, 200, "J D 0 0 - 0"),
        ("/profile", name + part("form-data; name=age", "7") + picture + end, 200, "J D 7 0 a.txt:abc 0"),
        (
            "/profile", part("form-data; name=tags", "a") + name + part("form-data; name=tags", "b") + end, 200,
            "J D 0 2 - 0"
        ),
        ("/profile", name + part("form-data; name=age", "") + noPicture + end, 200, "J D 0 0 - 0"),
        (
            "/profile",
            name + part(#"form-data; name=files; filename="a""#, "1") + part("form-data; name=files; filename=b", "2")
                + end,
            200, "J D 0 0 - 2"
        ),
        ("/profile", name + part(#"form-data; name=files; filename="""#, "") + end, 200, "J D 0 0 - 0"),
        ("/profile", picture + end, 400, #"the key "name" is missing"#),
        ("/profile", part("form-data; name=name; filename=a", "J D") + end, 400, "at name: not a value of type String"),
        ("/profile", name + part("form-data; name=age", "x") + end, 400, "at age: not a value of type Int"),
        ("/profile", name + part("form-data; name=picture", "x") + end, 400, "at picture: not a file"),
        ("/profile", name + part("form-data; name=tags", "x"), 400, "truncated"),
        ("/picture", picture + end, 200, "3"), ("/picture", noPicture + end, 400, #"the key "picture" is missing"#),
        ("/picture", part(#"form-data; name="picture"; filename="""#, "x") + end, 200, "1"),
        ("/small", name + picture + end, 413, "Content Too Large"),
    ]

    @Test(arguments: profiles) func `a form with files is decoded, and what is wrong with it is said`(
        target: String, body: String, status: Int, answer: String
    ) async throws {
        try await withApp { app in
            app.post("/profile") { request async throws in
                let profile: Profile = try await request.decode()
                let picture = profile.picture.map { "\($0.name):\(String(decoding: $0.bytes, as: UTF8.self))" } ?? "-"
                return
                    "\(profile.name) \(profile.age ?? 0) \(profile.tags?.count ?? 0) \(picture) \(profile.files.count)"
            }
            app.post("/picture") { request async throws in
                "\(try await request.form(Picture.self).picture.bytes.count)"
            }
            app.post("/small", bodyLimit: 100) { request async throws in try await request.decode(Profile.self).name }
        } _: { caller in
            let response = try await caller.send(target, Self.type, method: "POST", body: body)
            #expect(response.status == status)
            #expect(response.text.contains(answer))
        }
    }

    @Test func `a file comes by a form with files only`() async throws {
        try await withApp { app in
            app.post("/") { request async throws in "\(try await request.decode(Picture.self).picture.bytes.count)" }
        } _: { caller in
            for (type, body) in [
                ("application/x-www-form-urlencoded", "picture=a"), ("application/json", #"{"picture":"a"}"#),
            ] {
                let response = try await caller.send("/", [("Content-Type", type)], method: "POST", body: body)
                #expect(response.status == 400)
                #expect(response.text.contains("at picture: not a file; these come by multipart/form-data"))
            }
        }
    }

    @Test func `a form of another type, or without a boundary, is refused`() async throws {
        try await withApp(Self.addRoutes) { caller in
            let types = [("text/plain", 415), ("multipart/form-data", 400), ("multipart/mixed;boundary=a", 415)]
            for (type, status) in types {
                let response = try await caller.send("/parts", [("Content-Type", type)], method: "POST", body: "")
                #expect(response.status == status)
            }
        }
    }

    @Test func `curl uploads a large file beside a field`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("large", String(repeating: "0123456789", count: 300_000))
        try await withApp(Self.addRoutes) { caller in
            let outcome = try await run([
                "curl", "-sS", "-F", "title=a b", "-F", "picture=@\(file);filename=x \"y\".png;type=image/png",
                "http://\(caller.server.address)/parts",
            ])
            #expect(outcome.output == "title - - 3\npicture x %22y%22.png image/png 3000000")
        }
    }
}
