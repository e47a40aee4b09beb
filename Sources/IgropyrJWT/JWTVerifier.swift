internal import FoundationEssentials
public import JWTKit

/// What a JSON Web Token (RFC 7519) must have to be believed: a signature by one of the keys, made by that key's
/// algorithm; a time in which it is valid; an audience and an issuer. Follows RFC 8725, the best current practice.
///
/// A token is never believed for what it says of itself: keys that it brings along or names by an address (`jwk`,
/// `jku`, `x5c`, `x5u`) are not looked at, and `alg: none` and extensions that have to be understood (`crit`) are
/// refused.
public struct JWTVerifier: Sendable {
    /// What `iss` must be; nil for anything.
    public var issuer: String?
    /// What must be among `aud`. Nil is for nobody in particular: tokens with an `aud` are refused then (RFC 7519
    /// §4.1.3).
    public var audience: String?
    /// Whether a token must have an end (`exp`).
    public var requiresExpiration = true
    /// By how much the clock of a token's maker may differ from ours.
    public var leeway = Duration.seconds(30)
    /// Bytes of a token; a longer one is refused unread.
    public var limitBytes = 8192

    /// Seconds since 1970.
    var now: @Sendable () -> Double = { Date().timeIntervalSince1970 }
    let keys: JWTKeys

    /// By keys of one's own. jwt-kit does not tell what they are called: a token whose `kid` none of them has is judged
    /// by their default one, where verifiers that are made otherwise refuse it. See also ``init(keyFile:)``,
    /// ``init(keyURL:by:)`` and ``init(secret:)``.
    public init(keys: JWTKeyCollection) { self.init(JWTKeys(.fixed(JWTKeys.Known(collection: keys)))) }

    init(_ keys: JWTKeys) { self.keys = keys }

    /// What the token says, once it has passed all of the above and the payload's own `verify(using:)`.
    /// - Throws: ``JWTRejection``; ``JWTKeyFailure`` if keys that are published cannot be had; `CancellationError` if
    ///   they are not there yet when the task is cancelled; what the payload's `verify(using:)` throws, `JWTError`s
    ///   excepted.
    public func verify<Payload: JWTPayload>(
        _ token: String, as type: Payload.Type = Payload.self
    ) async throws -> Payload {
        guard token.utf8.count <= limitBytes else { throw JWTRejection.tooLong }
        let header = try header(of: token)
        let keys = try await keys.collection(naming: header.kid)
        let algorithm = try await algorithm(of: header, keys)
        let verified = try await verified(token, as: type, keys)
        try check(verified.claims)
        do {
            try await verified.payload.verify(using: algorithm)
        } catch is JWTError {
            throw JWTRejection.wrongClaims
        }
        return verified.payload
    }

    private func header(of token: String) throws(JWTRejection) -> JWTHeader {
        guard let header = try? DefaultJWTParser().parse(Array(token.utf8), as: AnyPayload.self).header,
            header.fields["crit"] == nil
        else { throw .malformed }
        return header
    }

    /// The algorithm of the token's key, which must be the one that the token names (RFC 8725 §3.1).
    private func algorithm(
        of header: JWTHeader, _ keys: JWTKeyCollection
    ) async throws(JWTRejection) -> any JWTAlgorithm {
        guard let name = header.alg else { throw .malformed }
        let identifier = header.kid.map { JWKIdentifier(string: $0) }
        guard let key = try? await keys.getKey(for: identifier, alg: name), key.name == name, name != "none" else {
            throw .unknownKey
        }
        return key
    }

    private func verified<Payload: JWTPayload>(
        _ token: String, as: Payload.Type, _ keys: JWTKeyCollection
    ) async throws(JWTRejection) -> Verified<Payload> {
        do {
            return try await keys.verify(token)
        } catch let error as JWTError where error.errorType == .malformedToken {
            throw .malformed
        } catch {
            throw .wrongSignature
        }
    }

    private func check(_ claims: RegisteredClaims) throws(JWTRejection) {
        let (now, leeway) = (now(), leeway / .seconds(1))
        if requiresExpiration, claims.expiration == nil { throw .endless }
        if let expiration = claims.expiration, now >= expiration + leeway { throw .expired }
        if let start = claims.notBefore, now < start - leeway { throw .notYetValid }
        if let issuer, claims.issuer != issuer { throw .wrongIssuer }
        let audiences = claims.audience?.values ?? []
        guard audience.map(audiences.contains) ?? audiences.isEmpty else { throw .wrongAudience }
    }
}

/// Why a token is not believed.
public enum JWTRejection: String, Error, Sendable, CustomStringConvertible {
    case tooLong = "the token is too long"
    case malformed = "the token is malformed"
    case unknownKey = "no key is known for the token's algorithm"
    case wrongSignature = "the token's signature is wrong"
    case expired = "the token has expired"
    case notYetValid = "the token is not valid yet"
    case endless = "the token never expires"
    case wrongIssuer = "the token has another issuer"
    case wrongAudience = "the token is for another audience"
    case wrongClaims = "the token's claims are not accepted"

    public var description: String { rawValue }
}
