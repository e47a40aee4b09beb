import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// What waits for its loop lives until it is closed: nothing that libuv or a wheel calls may be gone.
@Suite(.timeLimit(.minutes(5))) struct DroppedTests {
    private final class Handler: HTTPRequestHandler {
        func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
            answerWithPath(head, bytes, connection)
        }
    }

    @Test func `a server that nobody holds serves until it is closed`() async throws {
        try await onLoop { loop in
            weak var dropped: HTTPServer?
            let address: SocketAddress
            do {
                let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
                let server = try HTTPServer(listener: listener, handler: Handler())
                (dropped, address) = (server, server.localAddress)
            }
            let client = try HTTPRequester(on: loop)
            #expect(try await client.send(.init(.get, "/here"), to: address).body == Array("/here".utf8))
            client.close()
            let server = try #require(dropped)
            await withCheckedContinuation { server.drain(timeout: .seconds(1), onDrained: $0.resume) }
        }
    }

    @Test func `a pool that nobody holds lives as long as its connections`() async throws {
        try await TestServer.run { server in
            weak var dropped: HTTPConnectionPool?
            do {
                let client = try HTTPRequester(on: server.loop)
                _ = try await client.send(.init(.get, "/"), to: server.server.localAddress)
                dropped = client.pool
            }
            try #require(dropped).close()
        }
    }

    @Test func `a pool that is closed fails what is under way`() async throws {
        try await TestServer.run(onRequest: { _, _, _ in }) { server in
            let client = try HTTPRequester(on: server.loop)
            let address = server.server.localAddress
            nonisolated(unsafe) let asking = client  // On its loop.
            let answer = Task(executorPreference: server.loop) {
                try await asking.send(.init(.get, "/"), to: address).status
            }
            while server.server.counters.requests == 0 { await Task.yield() }
            client.close()
            let error = await #expect(throws: HTTPClientFailure.self) { try await answer.value }
            #expect(error?.cause == .cancelled)
        }
    }

    @Test(arguments: [false, true]) func `all who drain a server are called`(closesMeanwhile: Bool) async throws {
        try await TestServer.run(onRequest: { _, _, _ in }) { server in
            let client = try await server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            while server.server.counters.requests == 0 { await Task.yield() }
            var calls = 0
            for _ in 0..<2 { server.server.drain(timeout: .milliseconds(100)) { calls += 1 } }
            #expect(calls == 0)
            if closesMeanwhile {
                server.server.close()
                #expect(calls == 2)
            }
            await withCheckedContinuation { server.server.drain(timeout: .zero, onDrained: $0.resume) }
            #expect(calls == 2)
            server.server.drain(timeout: .zero) { calls += 1 }
            #expect(calls == 3)
        }
    }
}
