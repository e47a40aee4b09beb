import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

private struct Point: Codable, Sendable {
    var x: Int
    var y: Int
}

@Suite(.timeLimit(.minutes(5))) struct BodyTests {
    private static func addRoutes(_ app: App) {
        app.bodyLimit = 1000
        app.post("/count") { request async throws in "\(try await request.body(upTo: .max).count)" }
        app.post("/ten") { request async throws in "\(try await request.body(upTo: 10).count)" }
        app.post("/point") { request async throws in
            let point: Point = try await request.json()
            return "\(point.x + point.y)"
        }
        app.post("/sync") { _ in "not read" }
        app.group("/large", bodyLimit: 64 << 20).post("/echo") { request async in
            Response { writer in
                for try await piece in request.body { try await writer.write(piece) }
            }
        }
    }

    private static let bodies: [(target: String, body: String, status: Int, answer: String)] = [
        ("/count", String(repeating: "x", count: 1000), 200, "1000"),
        ("/count", "", 200, "0"),
        ("/count", String(repeating: "x", count: 1001), 413, "Content Too Large"),
        ("/ten", "0123456789", 200, "10"),
        ("/ten", "0123456789a", 413, "Content Too Large"),
        ("/point", #"{"x":1,"y":2}"#, 200, "3"),
        ("/point", #"{"x":1}"#, 400, #"the key "y" is missing"#),
        ("/point", #"{"x":1,"y":"2"}"#, 400, "at y: not a value of type Int"),
        ("/point", "{", 400, "The body is not the JSON expected"),
        ("/sync", "abc", 200, "not read"),
    ]

    @Test(arguments: bodies) func `a body is read within its limits`(
        target: String, body: String, status: Int, answer: String
    ) async throws {
        try await withApp(Self.addRoutes) { caller in
            let response = try await caller.send(target, method: "POST", body: body)
            #expect(response.status == status)
            #expect(response.text.contains(answer))
        }
    }

    private static let readAgain: [(target: String, type: String, body: String, answer: String)] = [
        ("/whole", "text/plain", "abc", "abc"), ("/whole", "text/plain", "", ""),
        ("/pieces", "text/plain", "abc", "abc"), ("/twice", "text/plain", "abc", "abcabcabc"),
        ("/decode", "application/json", #"{"a":"b"}"#, "b"),
        ("/decode", "application/x-www-form-urlencoded", "a=b", "b"),
        (
            "/decode", "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--", "b"
        ),
    ]

    @Test(arguments: readAgain) func `a body that middleware has read whole is there for the handler`(
        target: String, type: String, body: String, answer: String
    ) async throws {
        try await withApp { app in
            app.use { request, next in
                guard try await request.body(upTo: 1000) == Array(body.utf8) else { throw HTTPFailure(.forbidden) }
                return await next(request)
            }
            app.post("/whole") { request async throws in
                String(decoding: try await request.body(upTo: 1000), as: UTF8.self)
            }
            app.post("/pieces") { request async throws in
                var whole: [UInt8] = []
                for try await piece in request.body { whole += piece }
                return String(decoding: whole, as: UTF8.self)
            }
            app.post("/twice") { request async throws in
                let both = try await request.body(upTo: 1000) + request.body(upTo: 1000)
                return Response { writer in
                    try await writer.write(both)
                    for try await piece in request.body { try await writer.write(piece) }
                }
            }
            app.post("/decode") { request async throws in try await request.decode([String: String].self)["a"] }
        } _: { caller in
            let response = try await caller.send(target, [("Content-Type", type)], method: "POST", body: body)
            #expect(response.status == 200)
            #expect(response.text == answer)
        }
    }

    @Test func `a body that nobody keeps is missed, and not taken for an empty one`() async throws {
        let log = KeptLog()
        try await withApp { app in
            app.logger = log.logger
            // Without `async` the body is dropped as it comes.
            app.post("/echo") { request in
                Response { writer in
                    for try await piece in request.body { try await writer.write(piece) }
                }
            }
        } _: { caller in
            await #expect(throws: (any Error).self) { try await caller.send("/echo", method: "POST", body: "abc") }
            let empty = try await caller.send("/echo", method: "POST")
            #expect(empty.status == 200 && empty.body.isEmpty)
        }
        #expect(log.entries.map(\.text) == ["error a stream failed"])
        #expect(log.entries.first?.metadata["path"] == "/echo")
    }

    @Test func `a chunked body beyond the limit is refused when it gets there`() async throws {
        try await withApp(Self.addRoutes) { caller in
            let raw = try await caller.connect()
            raw.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            raw.send("3e8\r\n" + String(repeating: "x", count: 1000) + "\r\n1\r\nx\r\n")
            #expect(await raw.receive { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 413 "))
            raw.close()
        }
    }

    @Test(arguments: [0, 1, 70_000, 5_000_000]) func `a stream comes back whole`(count: Int) async throws {
        try await withApp(Self.addRoutes) { caller in
            let body = String(repeating: "0123456789", count: count / 10 + 1).prefix(count)
            let response = try await caller.send("/large/echo", method: "POST", body: String(body))
            #expect(response.status == 200)
            #expect(response.text == body)
        }
    }

    @Test func `a request without a body has its end at once`() async throws {
        let add: @Sendable (App) -> Void = { app in
            app.get("/") { request async throws in
                nonisolated(unsafe) var hadAnotherTurn = false
                request.loop?.submit { hadAnotherTurn = true }
                let count = try await request.body(upTo: 10).count
                return "\(count) \(hadAnotherTurn)"
            }
        }
        try await withApp(add) { caller in
            let answer = try await caller.send("/")
            #expect(answer.text == "0 false")
        }
    }
}
