import IgropyrHTTP
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrTransport

@Test func `a request that has had its turn is no longer held, nor is its response`() async throws {
    try await onLoop { loop in
        let requester = try HTTPRequester(on: loop)
        defer { requester.close() }
        let queue = WaitingRequests(on: requester.pool.wheel, limit: 1, patience: .seconds(60)) {}
        weak var held: HTTPRequesterCall?
        do {
            let call = HTTPRequesterCall(
                .init(.get, "/"), to: .loopback(port: 1), as: nil, with: nil, .response(limit: 0, nil),
                of: requester)
            held = call
            #expect(queue.add(call, isFirst: false))
        }
        #expect(held != nil && !queue.isEmpty)
        #expect(queue.next() == nil, "nobody waits for it")
        #expect(held == nil && queue.isEmpty)
    }
}

@Test func `no more requests wait for a connection than may, and who has left does not count`() async throws {
    let held = Held()
    try await TestServer.run(onRequest: { _, _, stream in held.streams.append(stream) }) { server in
        var settings = HTTPClientSettings()
        settings.connectionsPerServer = 1
        settings.waitingRequests = 2
        nonisolated(unsafe) let client = try HTTPRequester(on: server.loop, settings: settings)  // Stays on its loop.
        defer { client.close() }
        let address = server.server.localAddress
        let calls = (0..<3).map { number in
            Task(executorPreference: server.loop) {
                try await client.send(.init(.get, "/\(number)"), to: address).status
            }
        }
        try await eventually("one is under way") { held.streams.count == 1 }
        let refused = await #expect(throws: HTTPClientFailure.self) {
            try await client.send(.init(.get, "/3"), to: address)
        }
        #expect(refused == HTTPClientFailure(.exhausted, mayHaveBeenReceived: false))
        calls[2].cancel()
        await #expect(throws: CancellationError.self) { try await calls[2].value }
        let last = Task(executorPreference: server.loop) {
            try await client.send(.init(.get, "/4"), to: address).status
        }
        let finish = Task(executorPreference: server.loop) {
            while !Task.isCancelled {
                for stream in held.streams { answer(stream, "ok") }
                held.streams = []
                await Task.yield()
            }
        }
        for call in [calls[0], calls[1], last] { #expect(try await call.value == 200) }
        finish.cancel()
    }
}
