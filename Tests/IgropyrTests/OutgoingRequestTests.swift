import FoundationEssentials
import Glibc
import Igropyr
import IgropyrUV
import TestSupport
import Testing

private struct Item: ResponseCodable, Sendable, Equatable {
    var id: Int
    var name: String
}

/// What handlers, and others, ask of other servers.
@Suite(.timeLimit(.minutes(5))) struct OutgoingRequestTests {
    private static func routes(_ app: App) {
        app.get("/items/:id") { request in Item(id: try request.parameters.require("id"), name: "nut") }
        app.post("/items") { request async throws in
            JSON(try await request.decode(Item.self), status: .created)
        }
        app.get("/port") { request in "\(request.remoteAddress?.port ?? 0)" }
        for method in [HTTPRequest.Method.get, .post, .put, .delete] {
            app.on(method, "/seen") { request async throws in
                let names = [
                    "Host", "Content-Length", "Content-Type", "Authorization", "Cookie", "User-Agent", "X-Own",
                ]
                let fields = names.compactMap { name in request.header(name).map { "\(name): \($0)" } }
                let body = String(decoding: try await request.body(upTo: 1000), as: UTF8.self)
                return (["\(request.method.rawValue) \(request.path)"] + fields + [body]).joined(separator: "\n")
            }
        }
        app.get("/long") { _ in String(repeating: "a", count: 100_000) }
        app.get("/cut") { _ in
            Response { writer in
                try await writer.write("half")
                throw CancellationError()
            }
        }
        app.get("/flow") { _ in
            Response { writer in
                for number in 0..<200 { try await writer.write([UInt8](repeating: UInt8(number), count: 50_000)) }
            }
        }
        app.get("/drip") { _ in
            Response { writer in
                try await writer.write("first")
                try await Task.sleep(for: .seconds(600))
            }
        }
        app.get("/drops") { _ in
            Response { writer in
                while true {
                    try await writer.write(".")
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }
        app.get("/ring") { _ async throws in
            try await Task.sleep(for: .milliseconds(100))
            return Response(.found).with(.location, "ring?again")
        }
        app.get("/never") { _ async throws -> String in
            try await Task.sleep(for: .seconds(600))
            return "late"
        }
        for method in [HTTPRequest.Method.get, .post] {
            app.on(method, "/to/:status/**") { request in
                let status = try request.parameters.require("status", as: Int.self)
                return Response(HTTPResponse.Status(code: status)).with(.location, try request.query.require("to"))
            }
        }
        app.get("/round") { _ in Response(.found).with(.location, "round?again") }
    }

    private func withServer(
        _ body: @escaping @Sendable (_ url: String) async throws -> Void
    ) async throws {
        try await withApp(Self.routes) { caller in try await body("http://\(caller.server.address)") }
    }

    private func failure(_ body: () async throws -> HTTPClientResponse) async -> HTTPRequestFailure.Cause? {
        let failure = await #expect(throws: HTTPRequestFailure.self) { _ = try await body() }
        return failure?.cause
    }

    /// The same without its reason.
    private func kind(_ body: () async throws -> HTTPClientResponse) async -> Substring? {
        await failure(body).map { "\($0)".prefix { $0 != "(" } }
    }

    @Test func `a value comes and goes, and any status is a response`() async throws {
        try await withServer { url in
            let client = HTTPClient()
            let response = try await client.get("\(url)/items/7")
            #expect(response.status == .ok && response.fields[.contentType] == "application/json")
            #expect(try response.decode(Item.self) == Item(id: 7, name: "nut"))
            #expect(response.url == "\(url)/items/7")
            let created = try await client.send(.post, "\(url)/items", json: Item(id: 8, name: "bolt"))
            #expect(created.status == .created)
            #expect(try created.decode(Item.self) == Item(id: 8, name: "bolt"))
            #expect(try await client.get("\(url)/none").status == .notFound)
            #expect(try await client.send(.post, "\(url)/items", text: "{").status == .unsupportedMediaType)
        }
    }

    @Test func `a handler's requests go by one connection of its loop, and so do those from elsewhere`() async throws {
        try await withServer { url in
            let client = HTTPClient()
            let app = App()
            app.loops = 1
            app.get("/") { _ async throws in
                let first = try await client.get("\(url)/port").text
                return try await client.get("\(url)/port").text == first ? "one" : "two"
            }
            let server = try await app.start()
            #expect(try await client.get("http://\(server.address)/").text == "one")
            try await server.stop()
            let ports = try await [client.get("\(url)/port").text, client.get("\(url)/port").text]
            #expect(ports[0] == ports[1] && ports[0] != "0")
        }
    }

    @Test func `fields and body go as they are, but not what is the client's own`() async throws {
        try await withServer { url in
            let client = HTTPClient()
            let host = url.dropFirst("http://".count)
            var fields: HTTPFields = [.contentLength: "999", .transferEncoding: "chunked", .connection: "close"]
            fields[HTTPField.Name("Host")!] = "elsewhere"
            fields[HTTPField.Name("X-Own")!] = "a"
            let put = try await client.send(.put, "\(url)/seen?q#part", fields: fields, body: Array("xyz".utf8))
            #expect(put.text == "PUT /seen\nHost: \(host)\nContent-Length: 3\nUser-Agent: Igropyr\nX-Own: a\nxyz")
            let post = try await client.send(.post, "\(url)/seen", fields: [.userAgent: "other"])
            #expect(post.text == "POST /seen\nHost: \(host)\nContent-Length: 0\nUser-Agent: other\n", "RFC 9110 §8.6")
            let delete = try await client.send(.delete, "\(url)/seen")
            #expect(delete.text == "DELETE /seen\nHost: \(host)\nUser-Agent: Igropyr\n")
        }
    }

    private static let redirections: [(status: Int, method: HTTPRequest.Method, followed: String)] = [
        (301, .get, "GET"), (302, .post, "GET"), (303, .post, "GET"), (307, .post, "POST"), (308, .post, "POST"),
    ]

    @Test(arguments: redirections) func `redirections are followed as browsers do`(
        status: Int, method: HTTPRequest.Method, followed: String
    ) async throws {
        try await withServer { url in
            let body = method == .post ? "text" : ""
            let response = try await HTTPClient.shared.send(
                method, "\(url)/to/\(status)/a/b?to=../../../seen", fields: [.cookie: "c=1", .contentType: "a/b"],
                body: Array(body.utf8))
            let lines = response.text.split(separator: "\n").map(String.init)
            #expect(lines.first == "\(followed) /seen" && lines.contains("Cookie: c=1"))
            #expect((lines.last == "text") == (followed == "POST"))
            #expect(lines.contains("Content-Type: a/b") == (followed == "POST" || method == .get))
            #expect(response.url == "\(url)/seen")
        }
    }

    @Test func `credentials stay with the server that they are for`() async throws {
        try await withServer { other in
            try await withServer { url in
                let fields: HTTPFields = [.authorization: "Bearer x", .cookie: "c=1"]
                let there = try await HTTPClient.shared.get("\(url)/to/302/x?to=\(other)/seen", fields: fields)
                #expect(there.url == "\(other)/seen")
                #expect(!there.text.contains("Authorization") && !there.text.contains("Cookie"))
                let here = try await HTTPClient.shared.get("\(url)/to/302/x?to=\(url)/seen", fields: fields)
                #expect(here.text.contains("Authorization: Bearer x") && here.text.contains("Cookie: c=1"))
            }
        }
    }

    @Test func `too many redirections are an error; with none to follow, and to what is no URL, they are responses`()
        async throws
    {
        try await withServer { url in
            #expect(await failure { try await HTTPClient.shared.get("\(url)/round") } == .tooManyRedirects)
            var settings = HTTPClient.Settings()
            settings.redirects = 0
            let response = try await HTTPClient(settings).get("\(url)/round")
            #expect(response.status == .found && response.fields[.location] == "round?again")
            #expect(try await HTTPClient.shared.get("\(url)/to/302/x?to=mailto:a@example.org").status == .found)
        }
    }

    @Test(arguments: [
        "//app:secret@example.org/", "//app:se/cret@example.org/", "//app:se@cret@example.org/", ":app:secret@",
        "//app:se?cret@example.org/", "//app:secret@example.org/?key=secret@secret", "//app:secret@example.org/#secret",
        "//app:secret@\u{301}example.org/", "//app:secret@example.org/?\u{301}secret",
    ])
    func `a URL with a password is refused without telling it`(rest: String) async {
        let request = await #expect(throws: HTTPRequestFailure.self) {
            try await HTTPClient.shared.get("https:\(rest)")
        }
        let socket = await #expect(throws: WebSocketFailure.self) {
            try await WebSocket.connect(to: "wss:\(rest)") { _ in }
        }
        for error in [request as (any Error)?, socket] {
            let text = error.map { "\($0)" } ?? "secret"
            #expect(!text.contains("cret") && text.contains("Authorization"), "\(text)")
        }
    }

    @Test func `what goes wrong tells nobody the secrets of a URL`() async throws {
        let nobody = "\(freshAddress(port: 9))"
        let urls = [
            "http://\(nobody)/path?key=secret", "gopher://\(nobody)/path#secret", "ws://\(nobody)/path?key=secret",
            "ws://\(nobody)/path#secret",
        ]
        for url in urls {
            let failure = await #expect(throws: (any Error).self) {
                if url.hasPrefix("ws") {
                    try await WebSocket.connect(to: url) { _ in }
                } else {
                    _ = try await HTTPClient.shared.get(url)
                }
            }
            let text = "\(failure, default: "")"
            #expect(text.contains("/path: ") && !text.contains("secret"), "\(text)")
        }
    }

    @Test func `what goes wrong is told apart`() async throws {
        try await withServer { url in
            var settings = HTTPClient.Settings()
            settings.bodyLimit = 99_999
            let client = HTTPClient(settings)
            let invalid = [
                "example.org", "ftp://example.org/", "http://", "http://user@example.org/", "http://a b/",
                "http://localhost%00.example.org/", "http://localhost%2Fexample.org/", "http://localhost%3A1/",
                "http://localhost%0D%0AX:y/", "http://[]/", "http://[a]/",
            ]
            for url in invalid {
                #expect(await failure { try await client.get(url) } == .invalidURL, "\(url)")
            }
            let closed = freshAddress(port: 9)
            #expect(await kind { try await client.get("http://\(closed)/") } == "unreachable")
            #expect(await kind { try await client.get("http://nobody.invalid/") } == "unknownHost", "RFC 6761 §6.4")
            #expect(await failure { try await client.get("\(url)/long") } == .tooLarge)
            #expect(await kind { try await client.get("\(url)/cut") } == "brokenResponse")
            #expect(await kind { try await client.send(.connect, "\(url)/") } == "invalidRequest")
            settings.responseTimeout = .milliseconds(50)
            let hasty = HTTPClient(settings)
            #expect(await failure { try await hasty.get("\(url)/never") } == .timedOut)
            settings.connectionsPerServer = 0
            let wrong = HTTPClient(settings)
            await #expect(throws: InvalidSetting.self) { try await wrong.get("\(url)/port") }
        }
    }

    @Test(arguments: [false, true]) func `a body comes piece by piece, at the reader's pace`(onLoop: Bool) async throws
    {
        try await withServer { url in
            let read = { @Sendable () async throws -> [Int] in
                try await HTTPClient.shared.stream(.get, "\(url)/to/302/x?to=/flow") { response in
                    #expect(response.status == .ok && response.url == "\(url)/flow")
                    var counts = [Int](repeating: 0, count: 200)
                    for try await piece in response.body { for byte in piece { counts[Int(byte)] += 1 } }
                    return counts
                }
            }
            guard onLoop else {
                #expect(try await read() == [Int](repeating: 50_000, count: 200))
                return
            }
            let app = App()
            app.loops = 1
            app.get("/") { _ async throws in "\(try await read() == [Int](repeating: 50_000, count: 200))" }
            let server = try await app.start()
            let answer = try await HTTPClient.shared.get("http://\(server.address)/").text
            try await server.stop()
            #expect(answer == "true")
        }
    }

    @Test func `more requests than connections wait for one, whether answers are taken whole or piece by piece`()
        async throws
    {
        var settings = HTTPClient.Settings()
        settings.connectionsPerServer = 2
        let client = HTTPClient(settings)
        try await withServer { url in
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        guard number % 3 == 0 else { return try await client.get("\(url)/port").text }
                        return try await client.stream(.get, "\(url)/drip") { response in
                            for try await piece in response.body { return String(decoding: piece, as: UTF8.self) }
                            return ""
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            #expect(texts.filter { $0 == "first" }.count == 20 && texts.count == 60)
        }
    }

    @Test func `a request that waits for a connection may be cancelled, and fails if none becomes free`() async throws {
        var settings = HTTPClient.Settings()
        settings.connectionsPerServer = 1
        settings.responseTimeout = .seconds(10)
        let client = HTTPClient(settings)
        try await withServer { url in
            // All by the loop that clients share: each loop has connections of its own.
            let isTaken = Signal()
            let holder = Task {
                try await client.stream(.get, "\(url)/flow") { _ in  // Who does not read lets no time run out.
                    isTaken.send()
                    try await Task.sleep(for: .seconds(600))
                }
            }
            await isTaken.wait()
            let refused = Task { await failure { try await client.get("\(url)/port") } }
            #expect(await refused.value == .tooManyConnections)
            let waiting = Task { try await client.get("\(url)/port") }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            let next = Task { try await client.get("\(url)/port") }
            holder.cancel()
            let answer = try await next.value
            #expect(answer.status == .ok)
        }
    }

    @Test func `the first piece is there before the last, and the rest may be left`() async throws {
        try await withServer { url in
            let client = HTTPClient()
            let first = try await client.stream(.get, "\(url)/drip") { response in
                for try await piece in response.body { return piece }
                return []
            }
            #expect(first == Array("first".utf8))
            let stream = Task {
                try await client.stream(.get, "\(url)/drip") { response in
                    for try await _ in response.body { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }
            await #expect(throws: CancellationError.self) { try await stream.value }
            let broken = await kind {
                try await client.stream(.get, "\(url)/cut") { response in for try await _ in response.body {} }
                return try await client.get("\(url)/port")
            }
            #expect(broken == "brokenResponse")
        }
    }

    @Test(arguments: ["/drops", "/never", "/ring"]) func `a request has an end though there is progress`(
        path: String
    ) async throws {
        var settings = HTTPClient.Settings()
        settings.timeLimit = .seconds(5)
        settings.redirects = 100
        let client = HTTPClient(settings)
        try await withServer { url in
            let failure = await #expect(throws: HTTPRequestFailure.self) { try await client.get("\(url)\(path)") }
            #expect(failure?.cause == .timedOut)
            // Its time may be over between two of them.
            #expect(failure?.mayHaveBeenReceived == true || path == "/ring")
        }
    }

    @Test func `a body that is read as it comes may take longer than a request`() async throws {
        let limit = Duration.seconds(5)
        var settings = HTTPClient.Settings()
        settings.timeLimit = limit
        let client = HTTPClient(settings)
        try await withServer { url in
            try await client.stream(.get, "\(url)/drops") { response in
                let end = ContinuousClock.now.advanced(by: limit + .milliseconds(100))
                var isLate = false
                for try await _ in response.body {
                    isLate = ContinuousClock.now > end
                    if isLate { break }
                }
                #expect(isLate)
            }
        }
    }

    @Test func `a task that is cancelled waits no longer`() async throws {
        try await withServer { url in
            let asking = Task { try await HTTPClient.shared.get("\(url)/never") }
            asking.cancel()
            await #expect(throws: CancellationError.self) { try await asking.value }
        }
    }

    @Test func `by TLS a server must be who it says`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("app", for: ["IP:127.0.0.1"], subject: "/CN=app")
        let app = App()
        app.loops = 1
        app.tls = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
        app.get("/") { request in "\(request.isEncrypted)" }
        app.get("/down") { _ in Response(.found).with(.location, "http://127.0.0.1:1/") }
        let server = try await app.start()
        var settings = HTTPClient.Settings()
        settings.authorities = authority.file
        let client = HTTPClient(settings)
        let url = "https://127.0.0.1:\(server.address.port)"
        #expect(try await client.get(url).text == "true")
        #expect(try await client.get("\(url)/down").status == .found, "not from https to http")
        #expect(await kind { try await HTTPClient.shared.get(url) } == "unreachable", "not trusted by this machine")
        let other = await failure { try await client.get("https://localhost:\(server.address.port)/") }
        #expect(String(describing: other).contains("hostname mismatch"), "\(String(describing: other))")
        settings.authorities = "/nowhere/ca.pem"
        let blind = HTTPClient(settings)
        let missing = await failure { try await blind.get(url) }
        #expect(String(describing: missing).contains("/nowhere/ca.pem"))
        try await server.stop()
    }
}
