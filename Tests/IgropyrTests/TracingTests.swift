import Igropyr
import InMemoryTracing
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing
import Tracing

private struct Broken: Error {}

@Suite(.timeLimit(.minutes(5))) struct TracingTests {
    @Test func `each request is a span that goes on with the client's trace, and handlers' spans are within`()
        async throws
    {
        let tracer = InMemoryTracer()
        let app = App()
        app.loops = 1
        app.get("/users/:id") { request in tracer.withSpan("lookup") { _ in request.parameters["id"] ?? "" } }
        app.get("/late") { _ async throws -> String in
            await Task.yield()
            return tracer.withSpan("late lookup") { _ in "late" }
        }
        app.get("/broken") { _ -> String in throw Broken() }
        app.get("/slow", timeout: .milliseconds(10)) { _ async throws -> String in
            try? await Task.sleep(for: .seconds(600))
            return "too late"
        }
        let server = try await withTracer(tracer) { try await app.start() }
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            for target in ["/users/7?a=b", "/late", "/broken", "/slow", "/none"] {
                let fields = [(name: "in-memory-trace-id", value: "t"), (name: "in-memory-span-id", value: "s")]
                _ = try await client.send(.init(.get, target, fields: fields), to: server.address)
            }
        }
        try await server.stop()
        let spans = Dictionary(uniqueKeysWithValues: tracer.finishedSpans.map { ($0.operationName, $0) })
        let names = ["GET", "GET /broken", "GET /late", "GET /slow", "GET /users/:id", "late lookup", "lookup"]
        #expect(spans.keys.sorted() == names)
        #expect(spans["lookup"]?.parentSpanID == spans["GET /users/:id"]?.spanID)
        #expect(spans["late lookup"]?.parentSpanID == spans["GET /late"]?.spanID)
        let span = try #require(spans["GET /users/:id"])
        #expect(span.traceID == "t")
        #expect(span.parentSpanID == "s")
        #expect(span.kind == .server)
        #expect(span.attributes.get("http.request.method") == "GET")
        #expect(span.attributes.get("http.route") == "/users/:id")
        #expect(span.attributes.get("url.path") == "/users/7")
        #expect(span.attributes.get("url.query") == "a=b")
        #expect(span.attributes.get("http.response.status_code") == 200)
        #expect(spans["GET"]?.attributes.get("http.response.status_code") == 404)
        #expect(spans["GET"]?.status == nil)
        #expect(spans["GET /slow"]?.attributes.get("http.response.status_code") == 503)
        #expect(spans["GET /slow"]?.status?.code == .error)
        let broken = try #require(spans["GET /broken"])
        #expect(broken.status?.code == .error)
        #expect(broken.errors.contains { $0.error is Broken })
    }
    @Test func `a request to another server takes the trace along`() async throws {
        let tracer = InMemoryTracer()
        let app = App()
        app.loops = 1
        app.get("/") { request in
            "\(request.header("in-memory-trace-id") ?? "") \(request.header("in-memory-span-id") ?? "")"
        }
        let server = try await app.start()
        let text = try await withTracer(tracer) {
            try await tracer.withSpan("asking") { _ in try await HTTPClient.shared.get("http://\(server.address)/").text
            }
        }
        try await server.stop()
        let span = try #require(tracer.finishedSpans.first)
        #expect(text == "\(span.traceID) \(span.spanID)")
    }
}
