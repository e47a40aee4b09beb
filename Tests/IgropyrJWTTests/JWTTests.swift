import CryptoExtras
import Foundation
import Igropyr
import IgropyrTransport
import JWTKit
import TestSupport
import Testing

@testable import IgropyrJWT

private struct Visitor: JWTPayload, Equatable {
    var sub = "ann"
    var exp: Double? = 1000
    var nbf: Double?
    var iss: String? = "https://id.test"
    var aud: [String]? = ["shop", "other"]
    var blocked: Bool?

    func verify(using algorithm: some JWTAlgorithm) throws {
        if blocked == true {
            throw JWTError.claimVerificationFailure(failedClaim: SubjectClaim(value: sub), reason: "blocked")
        }
    }
}

private enum VisitorKey: RequestKey { typealias Value = Visitor }

private let rsa: JWTKit.Insecure.RSA.PrivateKey = {
    do {
        return try JWTKit.Insecure.RSA.PrivateKey(backing: _RSA.Signing.PrivateKey(keySize: .bits2048))
    } catch { preconditionFailure("\(error)") }
}()

extension Data {
    fileprivate var base64URL: String { base64EncodedString().asBase64URL }
}

extension String {
    fileprivate var asBase64URL: String {
        replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

@Suite(.timeLimit(.minutes(5))) struct JWTTests {
    private static let secret = String(repeating: "s", count: 32)

    /// Who makes tokens, and who verifies them with no more than public keys; at the time of 900 s.
    private static func pair(
        _ make: JWTKeyCollection, _ verify: (keys: String?, secret: String?)
    ) async throws -> (JWTKeyCollection, JWTVerifier) {
        var verifier =
            if let keys = verify.keys {
                try await JWTVerifier(keys: keys)
            } else {
                try await JWTVerifier(secret: verify.secret ?? "")
            }
        verifier.now = { 900 }
        (verifier.issuer, verifier.audience) = ("https://id.test", "shop")
        return (make, verifier)
    }

    private static func set(_ keys: String...) -> String { "{\"keys\": [\(keys.joined(separator: ", "))]}" }

    private static func makers() async throws -> [(name: String, JWTKeyCollection, JWTVerifier)] {
        let (elliptic, elliptic384, edwards) = try (ES256PrivateKey(), ES384PrivateKey(), EdDSA.PrivateKey())
        var makers: [(String, JWTKeyCollection, JWTVerifier)] = []
        func add(_ name: String, _ maker: JWTKeyCollection, keys: String? = nil) async throws {
            let (maker, verifier) = try await pair(maker, (keys, secret))
            makers.append((name, maker, verifier))
        }
        try await add("HS256", JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256))
        try await add(
            "RS256", JWTKeyCollection().add(rsa: rsa, digestAlgorithm: .sha256), keys: rsa.publicKey.pemRepresentation)
        try await add("ES256", JWTKeyCollection().add(ecdsa: elliptic), keys: elliptic.publicKey.pemRepresentation)
        try await add(
            "ES384", JWTKeyCollection().add(ecdsa: elliptic384), keys: elliptic384.publicKey.pemRepresentation)
        try await add("EdDSA", JWTKeyCollection().add(eddsa: edwards), keys: edwards.publicKey.pemRepresentation)
        // The same by a set, with what must be passed over, and without an algorithm.
        let primitives = try rsa.publicKey.getKeyPrimitives()
        let (n, e) = (primitives.modulus.base64URL, primitives.publicExponent.base64URL)
        let point = try #require(elliptic.publicKey.parameters)
        let (x, y) = (point.x.asBase64URL, point.y.asBase64URL)
        let keys = set(
            #"{"kty": "oct", "k": "AAAA", "kid": "a"}"#, #"{"kty": "XYZ"}"#,
            #"{"kty": "RSA", "use": "enc", "n": "\#(n)", "e": "\#(e)"}"#,
            #"{"kty": "RSA", "use": "sig", "kid": "r", "n": "\#(n)", "e": "\#(e)"}"#,
            #"{"kty": "EC", "kid": "e", "crv": "P-256", "x": "\#(x)", "y": "\#(y)", "extra": 1}"#)
        try await add("set RS256", JWTKeyCollection().add(rsa: rsa, digestAlgorithm: .sha256, kid: "r"), keys: keys)
        try await add("set ES256", JWTKeyCollection().add(ecdsa: elliptic, kid: "e"), keys: keys)
        return makers
    }

    @Test func `a token by any of the algorithms is believed, and one that was changed is not`() async throws {
        for (name, maker, verifier) in try await Self.makers() {
            let kid: JWKIdentifier? = name == "set ES256" ? "e" : name == "set RS256" ? "r" : nil
            let token = try await maker.sign(Visitor(), kid: kid)
            #expect(try await verifier.verify(token) == Visitor(), "\(name)")
            var bytes = Array(token.utf8)
            for _ in 0..<64 {
                let place = Int.random(in: 0..<bytes.count)
                let old = bytes[place]
                bytes[place] = UInt8(ascii: old == UInt8(ascii: "A") ? "z" : "A")
                let changed = String(decoding: bytes, as: UTF8.self)
                // The last character of a part may have bits that mean nothing.
                let isLast = place + 1 == bytes.count || bytes[place + 1] == UInt8(ascii: ".")
                let visitor: Visitor? = try? await verifier.verify(changed)
                #expect(isLast || visitor == nil, "\(name): \(changed)")
                bytes[place] = old
            }
        }
    }

    @Test func `tokens of one algorithm are not believed by keys of another`() async throws {
        let makers = try await Self.makers()
        for (name, maker, _) in makers {
            let algorithm = name.replacing("set ", with: "")
            for (other, _, verifier) in makers where other != algorithm {
                if other.hasPrefix("set "), ["RS256", "ES256"].contains(algorithm) { continue }  // It has both keys.
                let kid: JWKIdentifier? = name == "set ES256" ? "e" : name == "set RS256" ? "r" : nil
                let token = try await maker.sign(Visitor(), kid: kid)
                await #expect(throws: JWTRejection.self, "\(name) by \(other)") {
                    let _: Visitor = try await verifier.verify(token)
                }
            }
        }
    }

    @Test func `a token that calls its key as none is called is not believed, by the first key neither`() async throws {
        let (elliptic, other) = (ES256PrivateKey(), ES256PrivateKey())
        let keys = try [("a", elliptic), ("b", other)].map { name, key in
            let point = try #require(key.publicKey.parameters)
            return #"{"kty": "EC", "kid": "\#(name)", "crv": "P-256", "x": "\#(point.x.asBase64URL)", "#
                + #""y": "\#(point.y.asBase64URL)"}"#
        }
        let (_, verifier) = try await Self.pair(JWTKeyCollection(), (Self.set(keys[0], keys[1]), nil))
        for (kid, rejection) in [("a", nil), ("c", .unknownKey), ("", .unknownKey)] as [(JWKIdentifier, JWTRejection?)]
        {
            let token = try await JWTKeyCollection().add(ecdsa: elliptic, kid: kid).sign(Visitor(), kid: kid)
            var found: JWTRejection?
            do { let _: Visitor = try await verifier.verify(token) } catch let error as JWTRejection { found = error }
            #expect(found == rejection, "\(kid.string)")
        }
    }

    private static let visitors: [(change: @Sendable (inout Visitor) -> Void, rejection: JWTRejection?)] = [
        ({ _ in }, nil), ({ $0.exp = 871 }, nil), ({ $0.exp = 870 }, .expired), ({ $0.exp = 0.5 }, .expired),
        ({ $0.exp = nil }, .endless), ({ $0.nbf = 930 }, nil), ({ $0.nbf = 930.5 }, .notYetValid),
        ({ $0.iss = "https://evil.test" }, .wrongIssuer), ({ $0.iss = nil }, .wrongIssuer),
        ({ $0.aud = ["other"] }, .wrongAudience), ({ $0.aud = [] }, .wrongAudience), ({ $0.aud = nil }, .wrongAudience),
        ({ $0.blocked = true }, .wrongClaims), ({ $0.sub = String(repeating: "x", count: 8000) }, .tooLong),
    ]

    @Test(arguments: visitors.indices) func `what a token says is checked`(index: Int) async throws {
        let row = Self.visitors[index]
        let (_, maker, verifier) = try await Self.makers()[0]
        var visitor = Visitor()
        row.change(&visitor)
        let token = try await maker.sign(visitor)
        if let rejection = row.rejection {
            await #expect(throws: rejection) { let _: Visitor = try await verifier.verify(token) }
        } else {
            #expect(try await verifier.verify(token) == visitor)
        }
    }

    @Test func `without an audience of one's own, tokens for somebody are refused`() async throws {
        var (_, maker, verifier) = try await Self.makers()[0]
        verifier.audience = nil
        let somebody = try await maker.sign(Visitor())
        let settled = verifier
        await #expect(throws: JWTRejection.wrongAudience) { let _: Visitor = try await settled.verify(somebody) }
        let anybody = Visitor(aud: nil)
        #expect(try await settled.verify(try await maker.sign(anybody)) == anybody)
    }

    private static func unsigned(_ header: String, _ payload: String = #"{"sub":"ann","exp":1000}"#) -> String {
        "\(Data(header.utf8).base64URL).\(Data(payload.utf8).base64URL)."
    }

    private static let forgeries: [(token: String, rejection: JWTRejection)] = [
        (unsigned(#"{"alg":"none"}"#), .unknownKey), (unsigned(#"{"alg":"None"}"#), .unknownKey),
        (unsigned(#"{"alg":"HS256"}"#), .wrongSignature), (unsigned(#"{"alg":"HS512"}"#), .unknownKey),
        (unsigned(#"{"typ":"JWT"}"#), .malformed), (unsigned(#"{"alg":"HS256","crit":["x"],"x":1}"#), .malformed),
        (unsigned(#"{"alg":1}"#), .malformed), (unsigned("[]"), .malformed), (unsigned("{"), .malformed),
        (unsigned(#"{"alg":"HS256"}"#, "[]"), .wrongSignature), ("", .malformed), ("..", .malformed),
        ("a.b", .malformed),
        ("a.b.c.d", .malformed), ("\u{1F600}.\u{e9}.%%", .malformed),
        (unsigned(String(repeating: "[", count: 3000)), .malformed),
        (String(repeating: "a", count: 9000), .tooLong),
    ]

    @Test(arguments: forgeries) func `forged and broken tokens are refused`(
        token: String, rejection: JWTRejection
    ) async throws {
        let (_, _, verifier) = try await Self.makers()[0]
        await #expect(throws: rejection) { let _: Visitor = try await verifier.verify(token) }
    }

    /// The classic: the public key, which everybody has, taken for a secret.
    @Test func `a public key is no secret`() async throws {
        let pem = rsa.publicKey.pemRepresentation
        let evil = await JWTKeyCollection().add(hmac: HMACKey(from: pem), digestAlgorithm: .sha256)
        let (_, verifier) = try await Self.pair(evil, (pem, nil))
        let token = try await evil.sign(Visitor())
        await #expect(throws: JWTRejection.unknownKey) { let _: Visitor = try await verifier.verify(token) }
    }

    private static let badKeys: [(text: String, says: String)] = [
        ("", "expected {"), ("{}", "expected {"), (#"{"keys": []}"#, "no key"),
        (#"{"keys": [{"kty": "oct", "k": "AA"}]}"#, "no key"),
        (#"{"keys": [{"kty": "RSA", "kid": "a", "alg": "RS256", "n": "AQAB", "e": "AQAB"}]}"#, "\"a\" is broken"),
        (
            #"{"keys": [{"kty": "EC", "kid": "a", "alg": "RS256", "crv": "P-256", "x": "AA", "y": "AA"}]}"#,
            "\"a\" is broken"
        ),
        (
            #"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}"#,
            "has a \"kid\""
        ),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "expected one public key"),
        (rsa.pemRepresentation, "a private key makes tokens"),
    ]

    @Test(arguments: badKeys) func `keys that cannot be used say what is wrong`(text: String, says: String) async throws
    {
        let failure = await #expect(throws: JWTKeyFailure.self) { try await JWTVerifier(keys: text) }
        #expect(failure?.description.contains(says) ?? false, "\(failure?.description ?? "")")
    }

    @Test func `keys come from a file that openssl has written, and a short secret is none`() async throws {
        let folder = try TemporaryFolder()
        let key = try folder.write("key.pem", rsa.pemRepresentation)
        let outcome = try await run(["openssl", "pkey", "-in", key, "-pubout", "-out", folder.path + "/public.pem"])
        #expect(outcome.status == 0)
        var verifier = try await JWTVerifier(keyFile: folder.path + "/public.pem")
        verifier.now = { 900 }
        (verifier.issuer, verifier.audience) = ("https://id.test", "shop")
        let token = try await JWTKeyCollection().add(rsa: rsa, digestAlgorithm: .sha256).sign(Visitor())
        #expect(try await verifier.verify(token) == Visitor())
        for file in ["/none.pem", "/key.pem"] {
            let failure = await #expect(throws: JWTKeyFailure.self) {
                try await JWTVerifier(keyFile: folder.path + file)
            }
            #expect(failure?.description.hasPrefix(folder.path + file) ?? false)
        }
        await #expect(throws: JWTKeyFailure.self) { try await JWTVerifier(secret: "short") }
    }

    @Test func `a handler gets what the token says, and others are told why not`() async throws {
        let (_, maker, verifier) = try await Self.makers()[0]
        let app = App()
        app.loops = 1
        app.use(BearerAuthentication(VisitorKey.self, verifier))
        app.get("/me") { request in request[VisitorKey.self]?.sub ?? "-" }
        let server = try await app.start()
        let tokens = [try await maker.sign(Visitor()), try await maker.sign(Visitor(exp: 1)), "x"]
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            func send(_ authorization: String?) async throws -> HTTPRequester.Response {
                let fields = authorization.map { [(name: "Authorization", value: $0)] } ?? []
                return try await client.send(HTTPRequester.Request(.get, "/me", fields: fields), to: server.address)
            }
            let known = try await send("Bearer \(tokens[0])")
            #expect(known.status == 200 && String(decoding: known.body, as: UTF8.self) == "ann")
            let challenges = [
                "error=\"invalid_token\", error_description=\"the token has expired\"",
                "error=\"invalid_token\", error_description=\"the token is malformed\"",
            ]
            for (token, challenge) in zip(tokens.dropFirst(), challenges) {
                let refused = try await send("Bearer \(token)")
                #expect(refused.status == 401 && refused.field("WWW-Authenticate") == "Bearer " + challenge)
            }
            let stranger = try await send(nil)
            #expect(stranger.status == 401 && stranger.field("WWW-Authenticate") == "Bearer")
        }
        try await server.stop()
    }
}
