import Glibc
import Igropyr
import IgropyrJWT
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

private struct Visitor: JWTPayload {
    var sub = "ann"
    var exp = 1e12

    func verify(using algorithm: some JWTAlgorithm) {}
}

private enum VisitorKey: RequestKey { typealias Value = Visitor }

@Suite(.timeLimit(.minutes(5))) struct JWTReloadTests {
    @Test func `keys of a file are read anew at SIGHUP, and stay if the new ones are none`() async throws {
        let folder = try TemporaryFolder()
        let (old, new) = try (EdDSA.PrivateKey(), EdDSA.PrivateKey())
        let file = try folder.write("key.pem", old.publicKey.pemRepresentation)
        let tokens = (
            old: try await JWTKeyCollection().add(eddsa: old).sign(Visitor()),
            new: try await JWTKeyCollection().add(eddsa: new).sign(Visitor())
        )
        let (log, port) = (KeptLog(), try ReservedPort())
        let app = App()
        app.loops = 1
        app.logger = log.logger
        let group = app.group("/members")
        group.use(BearerAuthentication(VisitorKey.self, try await JWTVerifier(keyFile: file)))
        for name in ["me", "you"] { group.get("/\(name)") { request in request[VisitorKey.self]?.sub ?? "-" } }
        let running = Task { try await app.run(host: "127.0.0.1", port: port.address.port) }

        @Sendable func logged(_ words: String, times: Int = 1) async throws {
            try await eventually("\(words)") {
                log.entries.count { "\($0.message) \($0.metadata)".contains(words) } == times
            }
        }
        // Before it listens for the signal, that would end all tests.
        try await logged("listening")
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            func statuses() async throws -> [Int] {
                var statuses: [Int] = []
                for token in [tokens.old, tokens.new] {
                    let fields = [(name: "Authorization", value: "Bearer \(token)")]
                    let request = HTTPRequester.Request(.get, "/members/me", fields: fields)
                    statuses.append(try await client.send(request, to: port.address).status)
                }
                return statuses
            }
            #expect(try await statuses() == [200, 401])
            try folder.write("key.pem", new.publicKey.pemRepresentation)
            #expect(try await statuses() == [200, 401])
            kill(getpid(), SIGHUP)
            try await logged("read anew")
            #expect(try await statuses() == [401, 200])
            try folder.write("key.pem", "nothing")
            kill(getpid(), SIGHUP)
            try await logged("goes by what it read before")
            try await logged("\(file): expected {")
            #expect(try await statuses() == [401, 200])
        }
        running.cancel()
        try await running.value
    }

    @Test func `a verifier and its copies go by the same file, and one of keys alone has none`() async throws {
        let folder = try TemporaryFolder()
        let (old, new) = try (EdDSA.PrivateKey(), EdDSA.PrivateKey())
        let token = try await JWTKeyCollection().add(eddsa: new).sign(Visitor())
        let file = try folder.write("key.pem", old.publicKey.pemRepresentation)
        let verifier = try await JWTVerifier(keyFile: file)
        var other = verifier
        other.leeway = .zero
        let copy = other
        await #expect(throws: JWTRejection.wrongSignature) { let _: Visitor = try await copy.verify(token) }
        try folder.write("key.pem", new.publicKey.pemRepresentation)
        try await verifier.reload()
        #expect(try await copy.verify(token, as: Visitor.self).sub == "ann")
        try folder.write("key.pem", "")
        await #expect(throws: JWTKeyFailure.self) { try await copy.reload() }
        #expect(try await verifier.verify(token, as: Visitor.self).sub == "ann")
        let fixed = try await JWTVerifier(keys: new.publicKey.pemRepresentation)
        try await fixed.reload()
        #expect(BearerAuthentication(VisitorKey.self, fixed).onReload == nil)
        #expect(BearerAuthentication(VisitorKey.self, copy).onReload != nil)
    }
}
