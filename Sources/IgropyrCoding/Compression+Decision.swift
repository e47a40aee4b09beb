package import IgropyrHTTP

extension Compression {
    /// What is to become of a response.
    package enum Decision: Sendable, Hashable {
        case asItIs
        /// Sent as it is, but another client would get it otherwise: `Vary` says so.
        case asItIsHere
        /// `Vary` says so, too.
        case encoded(ContentCoding)
        /// The client takes no coding on offer, nor none.
        case notAcceptable
    }

    /// For a response that may be encoded at all. `accepted` is nil where the request has no `Accept-Encoding`.
    package func decide(contentType: String, expectedBytes: Int, _ accepted: AcceptedCodings?) -> Decision {
        let isWorthwhile = covers(contentType) && expectedBytes >= minimumBytes
        guard let accepted else { return isWorthwhile ? .asItIsHere : .asItIs }
        guard isWorthwhile || accepted.weight(of: .identity) == 0 else { return .asItIs }
        guard let coding = accepted.best(of: codings + [.identity]) else { return .notAcceptable }
        return coding == .identity ? .asItIsHere : .encoded(coding)
    }

    /// Whether a response of that status has a body that may be encoded: a success, whole.
    package static func mayEncode(status: Int) -> Bool { status / 100 == 2 && !(204...206 ~= status) }

    /// Fields of a response, in lower case, that forbid it: it is encoded already, it is a part, or there is a digest
    /// of its bytes as they are (RFC 9530).
    package static let forbiddingFields = [
        "content-encoding", "content-range", "content-digest", "repr-digest", "digest", "content-md5",
    ]

    /// Whether a value of `Cache-Control` forbids it (RFC 9111 §5.2.2.6).
    package static func isForbidden(byCacheControl value: String) -> Bool {
        value.lowercased().contains("no-transform")
    }

    /// Whether a value of `Vary` says already what encoding would have it say.
    package static func isTold(byVary value: String) -> Bool {
        value == "*" || value.lowercased().contains("accept-encoding")
    }
}
