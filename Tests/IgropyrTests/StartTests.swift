import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct StartTests {
    @Test func `a port in use fails in one line that says what to do`() async throws {
        let socket = try ListeningSocket.open(.loopback(port: 0))
        defer { Descriptor.close(socket) }
        let port = ListeningSocket.localAddress(of: socket)!.port
        let error = await #expect(throws: StartFailure.self) { _ = try await App().start(port: port) }
        let expected =
            "cannot listen on 127.0.0.1:\(port): another program has this port: stop it or choose another port"
        #expect(error?.description == expected)
    }

    @Test func `a second server of this process does not share the port silently`() async throws {
        let first = try await App().start()
        await #expect(throws: StartFailure.self) { _ = try await App().start(port: first.address.port) }
        try await first.stop()
    }

    @Test(arguments: ["no-slash", "/a/**/b", "/twice"]) func `a mistake in the routes fails the start`(
        pattern: String
    ) async throws {
        let app = App()
        app.get("/twice") { _ in "" }
        app.get(pattern) { _ in "" }
        await #expect(throws: (any Error).self) { _ = try await app.start() }
    }

    @Test func `a handler that outlasts the time to drain is cancelled`() async throws {
        let (began, cancelled) = (Signal(), Signal())
        let app = App()
        app.loops = 1
        app.drainTimeout = .milliseconds(50)
        app.get("/") { _ async throws in
            began.send()
            do { try await Task.sleep(for: .seconds(600)) } catch { cancelled.send() }
            return ""
        }
        let server = try await app.start()
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            nonisolated(unsafe) let asking = client  // On its loop.
            let answer = Task(executorPreference: loop) { try await asking.send(.init(.get, "/"), to: server.address) }
            await began.wait()
            try await server.stop()
            await cancelled.wait()
            await #expect(throws: (any Error).self) { _ = try await answer.value }
        }
    }
}
