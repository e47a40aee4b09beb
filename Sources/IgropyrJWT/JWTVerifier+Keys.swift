internal import FoundationEssentials
public import Igropyr
internal import IgropyrUV
internal import JWTKit

extension JWTVerifier {
    /// By the keys of a file: a set as identity providers publish it (JSON, RFC 7517), or one public key in PEM as
    /// `openssl pkey -pubout` writes it; at most 1 MiB. Read now, at each ``reload()``, and by a middleware of this
    /// also when `App.run` gets SIGHUP. Blocks meanwhile.
    /// - Throws: ``JWTKeyFailure``.
    public init(keyFile path: String) async throws(JWTKeyFailure) {
        self.init(JWTKeys(.file(path, Locked(try await Self.keys(ofFile: path)))))
    }

    /// By the keys that an identity provider publishes at a URL: its `jwks_uri`, which is to be of `https`, or in one's
    /// own network.
    ///
    /// They are fetched when the first token comes, not now, so that an application starts without its provider; and
    /// anew every ten minutes, while the old ones serve on, and when a token names a key (`kid`) that is not among
    /// them. There is one fetch at most in ten seconds, however many such tokens come, and it ends after ten. Where
    /// that fails, tokens whose key is not known are an error and no 401, since it may be a new one: what it is goes to
    /// the log.
    public init(keyURL url: String, by client: HTTPClient = .shared) {
        self.init(keyURL: url, by: client, now: { .now })
    }

    init(keyURL url: String, by client: HTTPClient, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.init(JWTKeys(.published(PublishedKeys(url, client, now: now))))
    }

    /// Reads the file of ``init(keyFile:)`` anew, for all copies of this verifier, and blocks meanwhile; or fetches
    /// what is published at the URL of ``init(keyURL:by:)``. Does nothing for keys that came from elsewhere.
    /// - Throws: ``JWTKeyFailure``; the old keys then stay.
    public func reload() async throws(JWTKeyFailure) { try await keys.reload() }

    static func keys(ofFile path: String) async throws(JWTKeyFailure) -> JWTKeys.Known {
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= 1 << 20,
            let text = String(validating: data, as: UTF8.self)
        else { throw JWTKeyFailure("\(path) cannot be read as a text of up to 1 MiB") }
        do throws(JWTKeyFailure) { return try await keys(of: text) } catch {
            throw JWTKeyFailure("\(path): \(error)")
        }
    }

    /// By the keys of a text, as ``init(keyFile:)`` reads it from a file.
    /// - Throws: ``JWTKeyFailure``.
    public init(keys text: String) async throws(JWTKeyFailure) {
        self.init(JWTKeys(.fixed(try await Self.keys(of: text))))
    }

    static func keys(of text: String) async throws(JWTKeyFailure) -> JWTKeys.Known {
        guard text.contains("-----BEGIN ") else { return try await keys(ofSet: text) }
        return JWTKeys.Known(collection: try await keys(ofPEM: text))
    }

    /// By a secret that the tokens' maker has, too (HS256).
    /// - Throws: ``JWTKeyFailure`` for one of less than 32 bytes (RFC 7518 §3.2): `openssl rand -base64 32` makes one.
    public init(secret: String) async throws(JWTKeyFailure) {
        guard secret.utf8.count >= 32 else {
            throw JWTKeyFailure("a secret has at least 32 bytes: make one by `openssl rand -base64 32`")
        }
        self.init(keys: await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256))
    }

    // MARK: PEM

    private static func keys(ofPEM text: String) async throws(JWTKeyFailure) -> JWTKeyCollection {
        guard !text.contains("PRIVATE KEY-----") else {
            throw JWTKeyFailure("a private key makes tokens: give its public key, by `openssl pkey -in FILE -pubout`")
        }
        let keys = JWTKeyCollection()
        if let key = try? Insecure.RSA.PublicKey(pem: text) {
            return await keys.add(rsa: key, digestAlgorithm: .sha256)
        }
        if let key = try? ES256PublicKey(pem: text) { return await keys.add(ecdsa: key) }
        if let key = try? ES384PublicKey(pem: text) { return await keys.add(ecdsa: key) }
        if let key = try? ES512PublicKey(pem: text) { return await keys.add(ecdsa: key) }
        if let key = try? EdDSA.PublicKey(pem: text) { return await keys.add(eddsa: key) }
        throw JWTKeyFailure("expected one public key: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519")
    }

    // MARK: Sets

    /// Keys that are not for signatures, or of a kind that is not known, are passed over (RFC 7517 §5).
    private static func keys(ofSet text: String) async throws(JWTKeyFailure) -> JWTKeys.Known {
        guard let set = try? JSONDecoder().decode(KeySet.self, from: Data(text.utf8)) else {
            throw JWTKeyFailure("expected {\"keys\": […]}, or a public key in PEM")
        }
        var usable = set.keys.compactMap(\.signing)
        guard usable.count == 1 || usable.allSatisfy({ $0.keyIdentifier != nil }) else {
            throw JWTKeyFailure("of several keys each has a \"kid\"")
        }
        let isNameless = usable.count == 1 && usable[0].keyIdentifier == nil
        if isNameless { usable[0].keyIdentifier = "only" }
        let keys = JWTKeyCollection()
        for key in usable {
            do {
                // Asked for, since a key that does not suit its algorithm is taken, and would get that of the first
                // token.
                _ = try await keys.add(jwk: key).getKey(for: key.keyIdentifier)
            } catch {
                throw JWTKeyFailure("the key \"\(key.keyIdentifier?.string ?? "")\" is broken")
            }
        }
        guard !usable.isEmpty else { throw JWTKeyFailure("no key is for signatures of a kind that is known") }
        let names = Set(usable.compactMap(\.keyIdentifier?.string))
        return JWTKeys.Known(collection: keys, names: isNameless ? nil : names)
    }
}

private struct KeySet: Decodable {
    let keys: [Entry]

    struct Entry: Decodable {
        /// Nil for a key of another use or kind. One without an algorithm gets one: else the first token would choose
        /// it.
        let signing: JWK?

        private enum CodingKeys: String, CodingKey { case use }

        init(from decoder: any Decoder) throws {
            let use = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .use)
            guard use == nil || use == "sig", var key = try? JWK(from: decoder), key.algorithm != .rsaOAEP else {
                signing = nil
                return
            }
            if key.algorithm == nil { key.algorithm = Self.algorithm(of: key) }
            signing = key.algorithm == nil ? nil : key
        }

        private static func algorithm(of key: JWK) -> JWK.Algorithm? {
            switch (key.keyType, key.curve?.rawValue) {
            case (.rsa, _): .rs256
            case (.ecdsa, "P-256"): .es256
            case (.ecdsa, "P-384"): .es384
            case (.ecdsa, "P-521"): .es512
            case (.octetKeyPair, "Ed25519"): .eddsa
            default: nil
            }
        }
    }
}

/// Keys that cannot be used, and what to do.
public struct JWTKeyFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
