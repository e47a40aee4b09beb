internal import Crypto
internal import Igropyr

/// Lets clients in by name or token; one for each loop.
struct Gatekeeper {
    let passwords: PasswordChecks

    /// The client's name.
    /// - Throws: ``HTTPFailure`` 401 that says what is wanted.
    func admit(_ request: Request, by authentication: SiteAuthentication) async throws -> String {
        switch authentication {
        case .basic(let realm, let users):
            let challenge = "Basic realm=\"\(realm.quoted)\", charset=\"UTF-8\""
            guard let (name, password) = request.basicCredentials else { throw Self.refusal(challenge) }
            // An unknown name takes as long as a wrong password.
            let hash = users[name] ?? users.values.first
            guard let hash, try await passwords.isRight(password, for: hash), users[name] != nil else {
                throw Self.refusal(challenge)
            }
            return name
        case .bearer(let tokens):
            guard let token = request.authorization("Bearer") else { throw Self.refusal("Bearer") }
            let hash = TokenHash(hashing: token)
            guard let name = tokens.first(where: { $0.value == hash })?.key else {
                throw Self.refusal("Bearer error=\"invalid_token\"")
            }
            return name
        }
    }

    private static func refusal(_ challenge: String) -> HTTPFailure {
        HTTPFailure(.unauthorized, fields: [.wwwAuthenticate: challenge])
    }
}
