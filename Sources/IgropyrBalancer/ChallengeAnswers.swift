import IgropyrCluster
import IgropyrHTTP

/// The challenges of certificate authorities that one loop answers at each of its listeners. Stays on its loop.
final class ChallengeAnswers {
    /// A new one takes the place of the oldest.
    static let limit = 100

    // Asked for each request, where the check of exclusive use shows in the profile.
    @safe @exclusivity(unchecked) private var challenges: [AuthorityChallenge] = []

    func add(_ challenge: AuthorityChallenge) {
        challenges.removeAll { $0.path == challenge.path }
        if challenges.count == Self.limit { challenges.removeFirst() }
        challenges.append(challenge)
    }

    /// Nil for all other requests.
    func answer(to head: MessageHead, _ bytes: RawSpan) -> Refusal? {
        guard !challenges.isEmpty, head.method == .get || head.method == .head else { return nil }
        return challenges.first { bytes.isText($0.path, in: head.path) }.map(Refusal.challenge)
    }
}
