/// By what clients prove who they are.
public enum SiteAuthentication: Sendable, Hashable {
    /// Names and their passwords' hashes (RFC 7617).
    case basic(realm: String, users: [String: PasswordHash])
    /// Names and the hashes of their tokens (RFC 6750).
    case bearer(tokens: [String: TokenHash])
}
