import ArgumentParser
import IgropyrCluster

struct ReachabilityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reachability",
        abstract: "Ask every member for a sign of life, and name those that give none.",
        discussion: """
            Each is asked by gossip and answers directly, so that one that counts as
            alive and cannot be reached shows: most often a firewall lets through TCP
            only, or UDP in one direction only.

              igropyr reachability
              igropyr reachability --json || echo 'not all of them'

            Exit code 2: somebody did not answer.
            """)

    @OptionGroup var waiting: TimeoutOption

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        var question = QuestionMessage(name: nil)
        question.timeout = waiting.timeout
        let asking = question
        let poll = try await control.withClient { client, node in
            try await Poll.run("asking", until: { $0.asked.isSubset(of: $0.acks) }) { onLine in
                try await client.query(asking, by: node, onLine: onLine)
            }
        }
        let missing = poll.asked.subtracting(poll.acks)
        if json {
            print(try JSONText.of(["reached": poll.acks.sorted(), "missing": missing.sorted()]))
        } else {
            print("\(poll.acks.count) of \(poll.asked.count.counting("member")) answered, of those that count as alive")
            poll.complain(missing, "did not answer: is its port open for UDP and TCP, both ways?")
            poll.complain(poll.acks.subtracting(poll.asked), "answered, though it does not count as alive")
        }
        if !missing.isEmpty { throw ExitCode.incomplete }
    }
}
