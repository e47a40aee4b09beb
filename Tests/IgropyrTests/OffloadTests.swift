import Foundation
import Igropyr
import TestSupport
import Testing

private struct Broken: Error {}

@Suite(.timeLimit(.minutes(5))) struct OffloadTests {
    @Test func `work that blocks leaves the loop to others`() async throws {
        let isFree = DispatchSemaphore(value: 0)
        try await withApp { app in
            app.loops = 1
            app.get("/slow") { _ async throws in
                let outcome = try await offload { isFree.wait(timeout: .now() + 100) }
                return outcome == .success ? "on with it" : "nobody came by"
            }
            app.get("/other") { _ in
                isFree.signal()
                return "passed"
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await caller.send("/other").text == "passed")
            #expect(await raw.receive { $0.contains("\r\n\r\n") && $0.hasSuffix("it") }.hasSuffix("on with it"))
            raw.close()
        }
    }

    @Test func `work may be handed over from anywhere, and its error comes back`() async throws {
        #expect(try await offload { 6 * 7 } == 42)
        await #expect(throws: Broken.self) { try await offload { throw Broken() } }
        try await onLoop { _ in
            await #expect(throws: Broken.self) { try await offload { throw Broken() } }
        }
    }
}
