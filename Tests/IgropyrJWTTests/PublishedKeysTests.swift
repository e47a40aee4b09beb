import Glibc
import HTTPTypes
import Igropyr
import IgropyrUV
import JWTKit
import TestSupport
import Testing

@testable import IgropyrJWT

private struct Visitor: JWTPayload {
    var sub = "ann"
    var exp = 1e12

    func verify(using algorithm: some JWTAlgorithm) {}
}

private enum VisitorKey: RequestKey { typealias Value = Visitor }

/// An identity provider: what it publishes, and how often it was asked.
private final class Provider: Sendable {
    struct State {
        var status = HTTPResponse.Status.ok
        var names: [String] = []
        var isSlow = false
        var asked = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let state = Locked(State())
    let keys: [String: EdDSA.PrivateKey]
    /// What the verifier takes for the time.
    let time = Locked(ContinuousClock.now)

    init() throws { keys = try ["old": EdDSA.PrivateKey(), "new": EdDSA.PrivateKey(), "strange": EdDSA.PrivateKey()] }

    var asked: Int { state.withLock { $0.asked } }

    func publish(_ names: String..., status: HTTPResponse.Status = .ok) {
        state.withLock { ($0.names, $0.status) = (names, status) }
    }

    func pass(_ time: Duration) { self.time.withLock { $0 += time } }

    func token(_ name: String, calling other: String? = nil) async throws -> String {
        let key = try #require(keys[name])
        let identifier = JWKIdentifier(string: other ?? name)
        return try await JWTKeyCollection().add(eddsa: key, kid: identifier).sign(Visitor(), kid: identifier)
    }

    /// Runs `body` while it is asked at a URL.
    func serve(_ body: (JWTVerifier) async throws -> Void) async throws {
        let app = App()
        app.loops = 1
        app.get("/keys", answer)
        let server = try await app.start()
        do {
            let verifier = JWTVerifier(keyURL: "http://\(server.address)/keys", by: HTTPClient()) { [time] in
                time.withLock { $0 }
            }
            try await body(verifier)
        } catch {
            try? await server.stop()
            throw error
        }
        try await server.stop()
    }

    nonisolated(nonsending) private func answer(_: Request) async throws -> Response {
        let isSlow = state.withLock { state in
            state.asked += 1
            return state.isSlow
        }
        if isSlow { await withCheckedContinuation { held in state.withLock { $0.waiting.append(held) } } }
        let (names, status) = state.withLock { ($0.names, $0.status) }
        let list = names.compactMap { name in
            keys[name].map { key in
                let x = key.publicKey.rawRepresentation.base64EncodedString().replacing("+", with: "-")
                    .replacing("/", with: "_").replacing("=", with: "")
                return #"{"kty": "OKP", "crv": "Ed25519", "kid": "\#(name)", "x": "\#(x)"}"#
            }
        }
        return Response(status, text: "{\"keys\": [\(list.joined(separator: ", "))]}")
    }

    func release() {
        let held = state.withLock { state in
            state.isSlow = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in held { one.resume() }
    }
}

@Suite(.timeLimit(.minutes(5))) struct PublishedKeysTests {
    @Test func `keys are fetched for the first token, and anew for one that names a new key, but not again and again`()
        async throws
    {
        let provider = try Provider()
        provider.publish("old")
        try await provider.serve { verifier in
            #expect(provider.asked == 0)
            let (old, new) = (try await provider.token("old"), try await provider.token("new"))
            for _ in 0..<3 { #expect(try await verifier.verify(old, as: Visitor.self).sub == "ann") }
            #expect(provider.asked == 1)
            provider.publish("old", "new")
            await #expect(throws: JWTRejection.self) { try await verifier.verify(new, as: Visitor.self) }
            provider.pass(.seconds(10))
            #expect(try await verifier.verify(new, as: Visitor.self).sub == "ann")
            #expect(provider.asked == 2)
            // A flood of names that nobody knows.
            provider.pass(.seconds(10))
            for number in 0..<50 {
                let token = try await provider.token("strange", calling: "none\(number)")
                await #expect(throws: JWTRejection.self) { try await verifier.verify(token, as: Visitor.self) }
            }
            #expect(provider.asked == 3)
            #expect(try await verifier.verify(old, as: Visitor.self).sub == "ann")
        }
    }

    @Test func `many that come at once wait for one fetch, and one who leaves does so at once and ends it for nobody`()
        async throws
    {
        let provider = try Provider()
        provider.publish("old")
        provider.state.withLock { $0.isSlow = true }
        try await provider.serve { verifier in
            let token = try await provider.token("old")
            let tasks = (0..<20).map { _ in Task { try await verifier.verify(token, as: Visitor.self).sub } }
            try await eventually("it is asked") { provider.state.withLock { $0.waiting.count } == 1 }
            tasks[0].cancel()
            await #expect(throws: CancellationError.self) { try await tasks[0].value }
            provider.release()
            for task in tasks.dropFirst() { #expect(try await task.value == "ann") }
            #expect(provider.asked == 1)
        }
    }

    @Test func `keys that are known serve on while others cannot be had, and end when they are taken back`()
        async throws
    {
        let provider = try Provider()
        provider.publish("old")
        try await provider.serve { verifier in
            let old = try await provider.token("old")
            #expect(try await verifier.verify(old, as: Visitor.self).sub == "ann")
            provider.publish(status: .internalServerError)
            provider.pass(.seconds(600))
            #expect(try await verifier.verify(old, as: Visitor.self).sub == "ann")
            try await eventually("it is asked again") { provider.asked == 2 }
            await #expect(throws: JWTKeyFailure.self) { try await verifier.reload() }
            let new = try await provider.token("new")
            // It may be good: nobody is to be told 401, and to log in anew.
            await #expect(throws: JWTKeyFailure.self) { try await verifier.verify(new, as: Visitor.self) }
            provider.publish("new")
            provider.pass(.seconds(10))  // No ten minutes, after a failure.
            try await eventually("the old key is not believed any more") {
                (try? await verifier.verify(old, as: Visitor.self)) == nil
            }
            #expect(try await verifier.verify(new, as: Visitor.self).sub == "ann")
        }
    }

    @Test func `without any keys a token is an error that tells why, and is tried again`() async throws {
        let provider = try Provider()
        provider.publish("old", status: .notFound)
        try await provider.serve { verifier in
            let old = try await provider.token("old")
            for _ in 0..<3 {
                let failure = await #expect(throws: JWTKeyFailure.self) {
                    try await verifier.verify(old, as: Visitor.self)
                }
                #expect(failure?.description.contains("answers 404") == true)
            }
            #expect(provider.asked == 1)
            provider.publish("old")
            provider.pass(.seconds(10))
            #expect(try await verifier.verify(old, as: Visitor.self).sub == "ann")
            #expect(BearerAuthentication(VisitorKey.self, verifier).onReload != nil)
        }
        let nobody = JWTVerifier(keyURL: "http://\(freshAddress(port: 1))/keys")
        let token = try await provider.token("old")
        let failure = await #expect(throws: JWTKeyFailure.self) { try await nobody.verify(token, as: Visitor.self) }
        #expect(failure?.description.contains("the keys cannot be fetched") == true)
    }
}
