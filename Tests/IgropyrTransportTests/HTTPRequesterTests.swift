import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import Testing

@Suite(.timeLimit(.minutes(5))) struct HTTPRequesterTests {
    /// Each second request meets a connection that the server cuts without an answer, as if it had been about to close.
    private static func cutEverySecond(
        _ seen: Locked<Int>
    ) -> @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void {
        { head, bytes, connection in
            let number = seen.withLock { count in
                count += 1
                return count
            }
            if number == 2 { connection.abort() } else { answerWithPath(head, bytes, connection) }
        }
    }

    @Test func `an idempotent request that meets a closing connection is made once more`() async throws {
        let seen = Locked(0)
        try await TestServer.run(onRequest: Self.cutEverySecond(seen)) { server in
            let client = try HTTPRequester(on: server.loop)
            defer { client.close() }
            let address = server.server.localAddress
            #expect(try await client.send(.init(.get, "/first"), to: address).body == Array("/first".utf8))
            #expect(try await client.send(.init(.get, "/second"), to: address).body == Array("/second".utf8))
        }
        #expect(seen.withLock { $0 } == 3)
    }

    @Test func `a request that is not idempotent is never made twice`() async throws {
        let seen = Locked(0)
        try await TestServer.run(onRequest: Self.cutEverySecond(seen)) { server in
            let client = try HTTPRequester(on: server.loop)
            defer { client.close() }
            let address = server.server.localAddress
            _ = try await client.send(.init(.post, "/first"), to: address)
            await #expect(throws: HTTPClientFailure.self) {
                try await client.send(.init(.post, "/second"), to: address)
            }
        }
        #expect(seen.withLock { $0 } == 2)
    }

    @Test func `a request that fails on a fresh connection is not repeated`() async throws {
        let seen = Locked(1)
        try await TestServer.run(onRequest: Self.cutEverySecond(seen)) { server in
            let client = try HTTPRequester(on: server.loop)
            defer { client.close() }
            await #expect(throws: HTTPClientFailure.self) {
                try await client.send(.init(.get, "/"), to: server.server.localAddress)
            }
        }
        #expect(seen.withLock { $0 } == 2)
    }

    @Test func `a body that is sent as it comes has begun with its end, too`() async throws {
        try await TestServer.run(onRequest: answerWithPath) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop)  // All of this loop.
            nonisolated(unsafe) let body = HTTPUploadStream(on: server.loop, length: nil)
            defer { client.close() }
            let address = server.server.localAddress
            let answer = Task(executorPreference: server.loop) {
                try await client.send(.init(.post, "/empty"), with: body, to: address).status
            }
            #expect(!body.hasBegun)
            try await body.end()
            #expect(body.hasBegun, "no other address may be asked with it")
            #expect(try await answer.value == 200)
        }
    }
    @Test func `a body that cannot be had fails its request, be that made before or after`() async throws {
        struct Broken: Error {}
        try await TestServer.run(onRequest: { _, _, stream in stream.exchange = WatchingExchange() }) { server in
            nonisolated(unsafe) let client = try HTTPRequester(on: server.loop)  // As above.
            defer { client.close() }
            let address = server.server.localAddress
            for isBefore in [false, true] {
                nonisolated(unsafe) let body = HTTPUploadStream(on: server.loop, length: nil)
                if !isBefore { body.fail(Broken()) }
                let answer = Task(executorPreference: server.loop) {
                    try await client.send(.init(.post, "/"), with: body, to: address).status
                }
                if isBefore {
                    #expect(try await body.write([1]))
                    body.fail(Broken())
                }
                await #expect(throws: Broken.self) { try await answer.value }
            }
        }
    }
}
