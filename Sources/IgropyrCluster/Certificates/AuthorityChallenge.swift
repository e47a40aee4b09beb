internal import FoundationEssentials

/// What a certificate authority asks for, by plain HTTP of whichever host a name leads to, before it issues a
/// certificate for that name: HTTP-01, RFC 8555 §8.3.
///
/// Balancers are told by a query, so that who asks for the certificate knows which of them answer. They remember it in
/// memory alone: it is asked for within seconds.
public struct AuthorityChallenge: Hashable, Sendable {
    private static let queryName = ControlAPI.reservedPrefix + "challenge"
    /// The authorities' have 87.
    private static let limitBytes = 512

    /// What the authority is to find: its token, a dot, and the thumbprint of the account's key.
    public let text: String
    /// Where it looks.
    public let path: String

    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.limitBytes, parts.count == 2, parts.allSatisfy(\.isBase64URL) else { return nil }
        self.text = text
        path = "/.well-known/acme-challenge/\(parts[0])"
    }

    /// Nil unless that query tells of one.
    public init?(query name: String, _ payload: [UInt8]) {
        guard name == Self.queryName else { return nil }
        self.init(String(decoding: payload, as: UTF8.self))
    }

    /// Tells all balancers, each of which answers once it knows.
    public var question: QuestionMessage {
        var question = QuestionMessage(name: Self.queryName)
        question.payload = Data(text.utf8)
        question.tags = [MemberTags.role: "^balancer$"]
        question.relayFactor = 2  // Nobody answers twice, and who is not heard counts as one that does not know.
        return question
    }
}

extension Substring {
    /// The alphabet alone: no length is wrong.
    fileprivate var isBase64URL: Bool {
        !isEmpty
            && unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "0"..."9", "A"..."Z", "a"..."z", "-", "_": true
                default: false
                }
            }
    }
}
