import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrTransport

@Test func `a request that has had its turn is no longer held, nor is its response`() async throws {
    try await onLoop { loop in
        let requester = try HTTPRequester(on: loop)
        defer { requester.close() }
        let queue = WaitingRequests(on: requester.pool.wheel, patience: .seconds(60)) {}
        weak var held: HTTPRequesterCall?
        do {
            let call = HTTPRequesterCall(
                .init(.get, "/"), to: .loopback(port: 1), as: nil, from: .request, .response(limit: 0, nil),
                of: requester)
            held = call
            queue.add(call, isFirst: false)
        }
        #expect(held != nil && !queue.isEmpty)
        #expect(queue.next() == nil, "nobody waits for it")
        #expect(held == nil && queue.isEmpty)
    }
}
