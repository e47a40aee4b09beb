public import Igropyr
public import JWTKit

extension BearerAuthentication where Key.Value: JWTPayload {
    /// Lets in whoever shows a JSON Web Token that is believed, and hands its payload to the handler. Others are told
    /// 401 and why (RFC 6750 §3). Keys that came from a file or a URL are read anew at SIGHUP.
    ///
    /// ```swift
    /// struct Visitor: JWTPayload {
    ///     var sub: SubjectClaim
    ///     func verify(using algorithm: some JWTAlgorithm) {}  // What the verifier cannot know of.
    /// }
    /// enum VisitorKey: RequestKey { typealias Value = Visitor }
    ///
    /// var verifier = try await JWTVerifier(keyFile: "/etc/shop/keys.json")
    /// verifier.issuer = "https://id.example.org"
    /// verifier.audience = "shop"
    /// app.use(BearerAuthentication(VisitorKey.self, verifier))
    /// app.get("/me") { request in request[VisitorKey.self]?.sub.value ?? "" }
    /// ```
    public init(_ key: Key.Type, _ verifier: JWTVerifier) {
        self.init(key) { token in
            do {
                return try await verifier.verify(token)
            } catch let rejection as JWTRejection {
                let challenge = "Bearer error=\"invalid_token\", error_description=\"\(rejection)\""
                throw HTTPFailure(.unauthorized, "\(rejection)", fields: [.wwwAuthenticate: challenge])
            }
        }
        if verifier.keys.isReloadable { onReload = { try await verifier.reload() } }
    }
}
