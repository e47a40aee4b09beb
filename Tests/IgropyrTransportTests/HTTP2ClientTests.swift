import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

private let http2 = HTTPConnectionKind(http2: HTTP2Settings())

/// Sends as much as the client's windows take, and counts it.
private final class PouringExchange: HTTPServerExchange {
    private let stream: any HTTPServerStream
    private let sent: Locked<[Int]>
    private let number: Int

    init(_ stream: any HTTPServerStream, counting sent: Locked<[Int]>, as number: Int) {
        (self.stream, self.sent, self.number) = (stream, sent, number)
    }

    func pour() {
        let piece = [UInt8](repeating: 0x78, count: 16 << 10)
        while stream.canWrite, sent.withLock({ $0[number] < 4 << 20 }) {
            sent.withLock { $0[number] += piece.count }
            stream.sendBody(piece.span.bytes)
        }
    }

    func responseDidDrain() { pour() }
    func requestBodyDidArrive(_: RawSpan) {}
    func requestDidEnd() {}
    func clientDidAbort() {}
}

private func contexts(offering name: String) async throws -> (server: TLSContext, client: HTTPConnectionKind) {
    let authority = try await TestAuthority()
    let files = try await authority.issue("a", for: ["DNS:a.example"])
    let server = try TLSContext.server(
        TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)]),
        applicationProtocols: [name])
    let client = try TLSContext.client(
        trusting: .authorities(file: authority.file), applicationProtocols: ["h2"])
    return (server, HTTPConnectionKind(tls: client, serverName: "a.example", http2: HTTP2Settings()))
}

@Suite(.timeLimit(.minutes(5))) struct `An HTTP client by HTTP 2` {
    @Test func `has all requests at a time share one connection`() async throws {
        let held = Held()
        try await TestServer.run(onRequest: { head, bytes, stream in
            #expect(head.version == .http2 && bytes.string(in: head.authority ?? 0..<0) != "")
            held.streams.append(stream)
            guard held.streams.count == 50 else { return }
            for stream in held.streams { answer(stream, "ok") }
        }) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop, kind: http2)  // Stays on its loop.
            defer { client.close() }
            let address = server.server.localAddress
            let calls = (0..<50).map { number in
                Task(executorPreference: server.loop) { try await client.send(.init(.get, "/\(number)"), to: address) }
            }
            for call in calls { #expect(try await call.value.status == 200) }
            #expect(server.server.counters.accepted == 1)
        }
    }

    @Test(arguments: [false, true]) func `sends and takes large bodies whole, at the pace of the slower`(
        isEncrypted: Bool
    ) async throws {
        let (serverTLS, kind) = try await contexts(offering: "h2")
        let onRequest: @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = { _, _, connection in
            connection.exchange = EchoExchange(connection, pausing: true)
        }
        try await TestServer.run(tls: isEncrypted ? serverTLS : nil, onRequest: onRequest) { server in
            let client = try HTTPRequester(on: server.loop, kind: isEncrypted ? kind : http2)
            defer { client.close() }
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: 0x20 + ($0 &* 31 &+ $0 >> 8) % 0x50) }
            for _ in 0..<2 {
                let response = try await client.send(.init(.post, "/", body: body), to: server.server.localAddress)
                #expect(response.body == body)
            }
            #expect(server.server.counters.accepted == 1)
        }
    }

    @Test func `sends and takes heads of any size that both ends allow`() async throws {
        // 64 KiB is the longest value that nghttp2 takes.
        let large = (0..<4).map { (name: "x-\($0)", value: String(repeating: "x", count: 25_000)) }
        var settings = HTTPServerSettings()
        settings.limits.headBytes = 200_000
        let onRequest: @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = { head, bytes, stream in
            try? stream.beginResponse(status: 200, framing: .length(0))
            head.forEachField(in: bytes) { name, value in
                guard bytes.string(in: name).hasPrefix("x-") else { return }
                try? stream.appendField(bytes.string(in: name), bytes.string(in: value))
            }
            stream.endHead()
        }
        try await TestServer.run(settings, onRequest: onRequest) { server in
            var clientSettings = HTTPClientSettings()
            clientSettings.limits.headBytes = 200_000
            let client = try HTTPRequester(on: server.loop, settings: clientSettings, kind: http2)
            defer { client.close() }
            let request = HTTPRequester.Request(.get, "/", fields: large)
            let response = try await client.send(request, to: server.server.localAddress)
            for (name, value) in large { #expect(response.field(name) == value) }
        }
    }

    @Test func `sends nothing to a server that does not agree to it`() async throws {
        let (serverTLS, kind) = try await contexts(offering: "http/1.1")
        try await TestServer.run(tls: serverTLS) { server in
            let client = try HTTPRequester(on: server.loop, kind: kind)
            defer { client.close() }
            let failure = await #expect(throws: HTTPClientFailure.self) {
                _ = try await client.send(.init(.get, "/"), to: server.server.localAddress)
            }
            #expect(failure?.mayHaveBeenReceived == false)
            #expect(server.server.counters.requests == 0)
        }
    }

    @Test func `goes on by another connection when the server wants no more on one`() async throws {
        var settings = HTTPServerSettings()
        settings.requestsPerConnection = 5
        settings.drainIdleTimeout = .milliseconds(1)
        try await TestServer.run(settings) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop, kind: http2)  // Stays on its loop.
            defer { client.close() }
            for number in 0..<23 {
                let response = try await client.send(.init(.get, "/\(number)"), to: server.server.localAddress)
                #expect(String(decoding: response.body, as: UTF8.self) == "/\(number)")
            }
            #expect(server.server.counters.accepted >= 5)
        }
    }

    @Test func `knows a refused request for one that was never begun`() async throws {
        var settings = HTTPServerSettings()
        settings.http2.concurrentStreams = 2
        let held = Held()
        try await TestServer.run(settings, onRequest: { _, _, stream in held.streams.append(stream) }) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop, kind: http2)  // Stays on its loop.
            defer { client.close() }
            let address = server.server.localAddress
            let calls = (0..<10).map { _ in
                Task(executorPreference: server.loop) { () -> HTTPClientFailure? in
                    do {
                        _ = try await client.send(.init(.post, "/", body: [1]), to: address)
                        return nil
                    } catch let failure as HTTPClientFailure { return failure }
                }
            }
            try await eventually("those that may go on have come") { held.streams.count == 2 }
            let finish = Task(executorPreference: server.loop) {
                while !Task.isCancelled {
                    for stream in held.streams { answer(stream, "ok") }
                    held.streams = []
                    await Task.yield()
                }
            }
            for call in calls {
                let failure = try await call.value
                #expect(failure == nil || failure == HTTPClientFailure(.refused, mayHaveBeenReceived: false))
            }
            finish.cancel()
        }
    }

    @Test func `tells the server that a request is given up, and keeps the connection`() async throws {
        let (come, aborted) = (Signal(), Signal())
        try await TestServer.run(onRequest: { head, bytes, stream in
            guard bytes.string(in: head.path) == "/hang" else { return answerWithPath(head, bytes, stream) }
            stream.exchange = WatchingExchange(onAbort: aborted.send)
            come.send()
        }) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop, kind: http2)  // Stays on its loop.
            defer { client.close() }
            let address = server.server.localAddress
            let call = Task(executorPreference: server.loop) {
                try await client.send(.init(.get, "/hang"), to: address)
            }
            await come.wait()
            call.cancel()
            await aborted.wait()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(try await client.send(.init(.get, "/"), to: address).status == 200)
            #expect(server.server.counters.accepted == 1)
        }
    }

    @Test func `gives up on a server that says nothing, and on its connection`() async throws {
        try await TestServer.run(onRequest: { _, _, stream in stream.exchange = WatchingExchange() }) { server in
            var settings = HTTPClientSettings()
            settings.responseTimeout = .seconds(2)
            let client = try HTTPRequester(on: server.loop, settings: settings, kind: http2)
            defer { client.close() }
            let failure = await #expect(throws: HTTPClientFailure.self) {
                _ = try await client.send(.init(.get, "/"), to: server.server.localAddress)
            }
            #expect(failure == HTTPClientFailure(.timedOut, mayHaveBeenReceived: true))
        }
    }

    @Test func `fails all requests of a connection that breaks`() async throws {
        let held = Held()
        try await TestServer.run(onRequest: { _, _, stream in held.streams.append(stream) }) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop, kind: http2)  // Stays on its loop.
            defer { client.close() }
            let address = server.server.localAddress
            let calls = (0..<3).map { _ in
                Task(executorPreference: server.loop) { try await client.send(.init(.post, "/"), to: address) }
            }
            try await eventually("all have come") { held.streams.count == 3 }
            held.streams = []
            client.pool.disconnect(from: address)
            for call in calls {
                let failure = await #expect(throws: HTTPClientFailure.self) { try await call.value }
                #expect(failure == HTTPClientFailure(.closed, mayHaveBeenReceived: true))
            }
        }
    }

    @Test func `some responses come half a megabyte ahead of who has read some, others a first window`() async throws {
        var settings = HTTP2Settings()
        settings.concurrentStreams = 16  // Their first windows add up to two of half a megabyte.
        let kind = HTTPConnectionKind(http2: settings)
        let sent = Locked([Int](repeating: 0, count: 4))
        try await TestServer.run(onRequest: { head, bytes, stream in
            let exchange = PouringExchange(stream, counting: sent, as: Int(bytes.string(in: head.path).dropFirst())!)
            stream.exchange = exchange
            begin(stream, .chunked)
            exchange.pour()
        }) { server in
            let client = try HTTPRequester(on: server.loop, kind: kind)
            defer { client.close() }
            var bodies: [HTTPBodyStream] = []
            for number in 0..<4 {
                bodies.append(try await client.open(.init(.get, "/\(number)"), to: server.server.localAddress).body)
            }
            // Of each, 256 KiB are taken and 64 KiB wait at the server; half a window is given back at once.
            try await eventually("all windows are full") {
                sent.withLock { $0.allSatisfy { $0 >= 256 << 10 } && $0.count { $0 >= 560 << 10 } == 2 }
            }
            #expect(sent.withLock { $0.count { $0 < 450 << 10 } } == 2)
            bodies[0].cancel()
            for body in bodies.dropFirst() {
                var count = 0
                while count < 1 << 20, let bytes = try await body.read() { count += bytes.count }
                #expect(count >= 1 << 20)
                body.cancel()
            }
            #expect(server.server.counters.accepted == 1)
        }
    }
}
