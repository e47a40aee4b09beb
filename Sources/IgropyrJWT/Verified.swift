internal import JWTKit

/// What a token says, read once its signature was found right: what RFC 7519 §4.1 has every token say, and the rest.
struct Verified<Payload: JWTPayload>: JWTPayload {
    let claims: RegisteredClaims
    let payload: Payload

    init(from decoder: any Decoder) throws {
        claims = try RegisteredClaims(from: decoder)
        payload = try Payload(from: decoder)
    }

    func encode(to encoder: any Encoder) throws { try payload.encode(to: encoder) }

    /// By ``JWTVerifier``, afterwards.
    func verify(using algorithm: some JWTAlgorithm) {}
}

/// Times are in seconds since 1970, maybe with a fraction.
struct RegisteredClaims: Decodable, Sendable {
    let expiration: Double?
    let notBefore: Double?
    let issuer: String?
    let audience: Audience?

    enum CodingKeys: String, CodingKey {
        case expiration = "exp"
        case notBefore = "nbf"
        case issuer = "iss"
        case audience = "aud"
    }

    /// A text, or several.
    struct Audience: Decodable, Sendable {
        let values: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(String.self) {
                values = [value]
            } else {
                values = try container.decode([String].self)
            }
        }
    }
}

/// Anything that is a JSON object.
struct AnyPayload: JWTPayload {
    func verify(using algorithm: some JWTAlgorithm) {}
}
