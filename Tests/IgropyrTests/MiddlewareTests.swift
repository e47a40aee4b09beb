import HTTPTypes
import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

private struct Secret: Error {}

private enum TraceKey: RequestKey { typealias Value = [String] }

/// Notes in which order things happen.
private struct Tracer: Middleware {
    let name: String

    func before(_ request: Request) -> Response? {
        request[TraceKey.self, default: []].append(name)
        return nil
    }

    func after(_ request: Request, _ response: inout Response) { note(name, in: &response) }
}

private struct AsyncTracer: AsyncMiddleware {
    let name: String

    func respond(to request: Request, next: (Request) async -> Response) async throws -> Response {
        await Task.yield()
        request[TraceKey.self, default: []].append(name)
        var response = await next(request)
        note(name, in: &response)
        return response
    }
}

/// Counts the requests that are on their way within it.
private struct Balance: Middleware {
    let calls = Locked<[Int]>([0, 0])

    func before(_ request: Request) -> Response? {
        calls.withLock { $0[0] += 1 }
        return nil
    }

    func after(_ request: Request, _ response: inout Response) { calls.withLock { $0[1] += 1 } }
}

private let way = HTTPField.Name("X-Way")!

private func note(_ name: String, in response: inout Response) {
    response.fields[way] = (response.fields[way] ?? "") + name
}

extension Request {
    fileprivate subscript<Key: RequestKey>(key: Key.Type, default value: Key.Value) -> Key.Value {
        get { self[key] ?? value }
        set { self[key] = newValue }
    }

    fileprivate var trace: String { (self[TraceKey.self] ?? []).joined() }
}

@Suite(.timeLimit(.minutes(5))) struct MiddlewareTests {
    private static func addRoutes(_ app: App) {
        app.use(Tracer(name: "a"))
        app.get("/plain") { request in request.trace }
        app.get("/late") { request async in
            await Task.yield()
            return request.trace
        }
        app.get("/secret") { _ -> String in throw Secret() }
        app.get("/unfit") { _ in Response(text: "", contentType: "a\r\nb") }
        app.get("/late-unfit") { _ async in
            await Task.yield()
            return Response(HTTPResponse.Status(code: 102))
        }
        app.post("/small", bodyLimit: 3) { request async throws in try await request.json(Int.self).description }
        let group = app.group("/group")
        group.get("/") { request in request.trace }
        group.use(Tracer(name: "g"))
        let inner = group.group("/inner")
        inner.use(AsyncTracer(name: "i"))
        inner.get("/plain") { request in request.trace }
        inner.get("/unfit") { _ in Response(text: "", contentType: "a\r\nb") }
        inner.get("/secret") { _ -> String in throw Secret() }
        inner.get("/late-secret") { _ async throws -> String in
            await Task.yield()
            throw Secret()
        }
        let closed = app.group("/closed")
        closed.use { request in request.header("X-Key") == nil ? Response(.forbidden, text: "closed") : nil }
        closed.get("/") { request in "open" + request.trace }
        let failing = app.group("/failing")
        failing.use { _ -> Response? in throw HTTPFailure(.tooManyRequests) }
        failing.get("/") { _ in "never" }
        let timed = app.group("/around")
        timed.use { request, next in
            let response = await next(request)
            return response.status == .ok ? Response(.accepted, text: "around") : response
        }
        timed.get("/") { _ in "within" }
        app.use(Tracer(name: "b"))
    }

    private static let rows: [(target: String, status: Int, body: String, way: String?)] = [
        ("/plain", 200, "ab", "ba"),
        ("/late", 200, "ab", "ba"),
        ("/secret", 500, "Internal Server Error\n", "ba"),
        ("/unfit", 500, "Internal Server Error\n", "ba"),
        ("/late-unfit", 500, "Internal Server Error\n", "ba"),
        ("/group", 200, "abg", "gba"),
        ("/group/inner/plain", 200, "abgi", "igba"),
        ("/group/inner/secret", 500, "Internal Server Error\n", "igba"),
        ("/group/inner/unfit", 500, "Internal Server Error\n", "igba"),
        ("/group/inner/late-secret", 500, "Internal Server Error\n", "igba"),
        ("/closed", 403, "closed", "ba"),
        ("/failing", 429, "Too Many Requests\n", "ba"),
        ("/around", 202, "around", "ba"),
        ("/nowhere", 404, "Not Found\n", "ba"),
        ("/bad/%zz", 400, "The request cannot be understood: invalidPercentEncoding\n", "ba"),
    ]

    @Test func `middleware goes around handlers, the first used outermost, and around refusals`() async throws {
        try await withApp(Self.addRoutes) { caller in
            for row in Self.rows {
                let response = try await caller.send(row.target)
                #expect(response.status == row.status, "\(row.target)")
                #expect(response.text == row.body, "\(row.target)")
                #expect(response.field("X-Way") == row.way, "\(row.target)")
            }
            #expect(try await caller.send("/closed", [("X-Key", "1")]).text == "openab")
            let refused = try await caller.send("/plain", method: "POST")
            #expect(refused.status == 405)
            #expect(refused.field("Allow") == "GET, HEAD, OPTIONS")
            #expect(refused.field("X-Way") == "ba")
            for (body, status) in [("1234", 413), ("xyz", 400)] {
                let refused = try await caller.send("/small", method: "POST", body: body)
                #expect(refused.status == status)
                #expect(refused.field("X-Way") == "ba")
            }
            let options = try await caller.send("/plain", method: "OPTIONS")
            #expect(options.status == 204)
            #expect(options.field("X-Way") == "ba")
        }
    }

    @Test func `middleware sees once what is answered in place of a handler whose time is over`() async throws {
        let (balance, ended) = (Balance(), Signal())
        try await withApp { app in
            app.use(Tracer(name: "a"))
            app.use(balance)
            let wait: @Sendable (Request) async throws -> String = { _ in
                defer { ended.send() }
                try await Task.sleep(for: .seconds(600))
                return ""
            }
            let group = app.group("/group", timeout: .milliseconds(10))
            group.use(AsyncTracer(name: "i"))  // Is cancelled itself.
            group.use(Tracer(name: "g"))
            group.get("/", wait)
            let waiting = app.group("/waiting", timeout: .milliseconds(10))
            waiting.use { request, next in
                _ = try? await wait(request)
                return await next(request)  // Nobody is told what comes of it.
            }
            waiting.use(Tracer(name: "w"))
            waiting.get("/") { _ async in "" }
        } _: { caller in
            for (target, way) in [("/group", "ga"), ("/waiting", "a")] {
                let response = try await caller.send(target)
                #expect(response.status == 503)
                #expect(response.text == "The request took too long.\n")
                #expect(response.field("X-Way") == way)
            }
            await ended.wait(for: 2)
        }
        #expect(balance.calls.withLock { $0 } == [2, 2])
    }

    @Test func `values of one request are not seen by the next`() async throws {
        try await withApp { app in
            app.loops = 1
            app.get("/set") { request in
                request[TraceKey.self] = ["set"]
                return request.trace
            }
            app.get("/get") { request in request.trace }
        } _: { caller in
            let texts = [try await caller.send("/set").text, try await caller.send("/get").text]
            #expect(texts == ["set", ""])
        }
    }

    @Test func `not found and errors may have handlers of their own`() async throws {
        try await withApp { app in
            app.notFound { request in Response(.notFound, text: "no \(request.path)") }
            app.onError { error, request in
                switch error {
                case is Secret: Response(.badGateway, text: "told \(request.path)")
                case let failure as HTTPFailure where failure.status == .conflict: throw Secret()
                default: nil
                }
            }
            app.get("/secret") { _ -> String in throw Secret() }
            app.get("/conflict") { _ -> String in throw HTTPFailure(.conflict) }
            app.get("/gone") { _ -> String in throw HTTPFailure(.gone) }
        } _: { caller in
            let rows = [
                ("/nowhere", 404, "no /nowhere"), ("/secret", 502, "told /secret"),
                ("/conflict", 409, "Conflict\n"), ("/gone", 410, "Gone\n"),
            ]
            for (target, status, body) in rows {
                let response = try await caller.send(target)
                #expect(response.status == status, "\(target)")
                #expect(response.text == body, "\(target)")
            }
            #expect(try await caller.send("/gone", method: "POST").status == 405)
        }
    }

    @Test func `not found may have a handler that waits`() async throws {
        try await withApp { app in
            app.notFound { request async in
                await Task.yield()
                return Response(.notFound, text: "late \(request.path)")
            }
        } _: { caller in
            let (late, bad) = (try await caller.send("/x"), try await caller.send("/x/%zz"))
            #expect(late.text == "late /x")
            #expect(bad.status == 400)
        }
    }

    private static let forms: [(accept: String?, type: String, body: String)] = [
        (nil, "text/plain; charset=utf-8", "a < b\n"),
        ("*/*", "text/plain; charset=utf-8", "a < b\n"),
        ("application/json", "application/problem+json", #""detail":"a < b""#),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", "<p>a &lt; b</p>"),
        ("text/html;q=0.5, application/json;q=0.9", "application/problem+json", #""status":409"#),
        ("application/json, text/plain, */*", "application/problem+json", #""status":409"#),
        ("text/html;q=0, text/plain", "text/plain; charset=utf-8", "a < b\n"),
        ("text/html;q=nonsense", "text/plain; charset=utf-8", "a < b\n"),
        ("TEXT/HTML ; q=1", "text/html; charset=utf-8", "<h1>409 Conflict</h1>"),
    ]

    @Test(arguments: forms) func `an error comes in the form that the client accepts`(
        accept: String?, type: String, body: String
    ) async throws {
        try await withApp { app in
            app.get("/") { _ -> String in throw HTTPFailure(.conflict, "a < b") }
        } _: { caller in
            let response = try await caller.send("/", accept.map { [("Accept", $0)] } ?? [])
            #expect(response.status == 409)
            #expect(response.field("Content-Type") == type)
            #expect(response.text.contains(body))
        }
    }

    @Test func `a secret error stays secret in every form`() async throws {
        try await withApp { app in
            app.get("/") { _ -> String in throw Secret() }
        } _: { caller in
            for accept in ["text/html", "application/json", "text/plain"] {
                let response = try await caller.send("/", [("Accept", accept)])
                #expect(response.status == 500)
                #expect(!response.text.contains("Secret"))
            }
        }
    }

    @Test func `a sync chain answers within the call, with no task`() async throws {
        let sawTask = Locked<Bool?>(nil)
        try await withApp { app in
            app.use(Tracer(name: "a"))
            app.get("/") { _ in
                let isInTask = withUnsafeCurrentTask { $0 != nil }
                sawTask.withLock { $0 = isInTask }
                return ""
            }
        } _: { caller in
            _ = try await caller.send("/")
        }
        #expect(sawTask.withLock { $0 } == false)
    }
}
