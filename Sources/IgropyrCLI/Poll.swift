import Foundation
import IgropyrCluster
import IgropyrText
import IgropyrUV

/// What has come back to something that every member was asked.
struct Poll: Sendable {
    var asked: Set<String> = []
    var acks: Set<String> = []
    var answers: [String: Data] = [:]
    var outcomes: [String: KeyOutcome] = [:]

    /// Asks by `ask`, shows how many have answered, and ends when `isComplete`, or the time is up.
    static func run(
        _ title: String, until isComplete: @escaping @Sendable (Poll) -> Bool,
        _ ask: (@escaping @Sendable (ReplyLine) -> Bool) async throws -> Void
    ) async throws -> Poll {
        let state = Locked(Poll())
        let progress = CountLine(title)
        defer { progress.finish() }
        try await ask { line in
            let poll = state.withLock { poll in
                poll.add(line)
                return poll
            }
            progress.show(poll.outcomes.isEmpty ? poll.acks.count : poll.outcomes.count, of: poll.asked.count)
            return !isComplete(poll)
        }
        return state.withLock { $0 }
    }

    private mutating func add(_ line: ReplyLine) {
        switch line {
        case .asked(let members): asked = Set(members)
        case .acked(let member): acks.insert(member)
        case .answered(let member, let payload): answers[member] = payload
        case .keys(let member, let outcome): outcomes[member] = outcome
        case .finished: break
        }
    }

    func complain(_ members: Set<String>, _ what: String) {
        for member in members.sortedNaturally(by: { [$0] }) { StandardError.write("  \(member) \(what)".plain + "\n") }
    }
}
