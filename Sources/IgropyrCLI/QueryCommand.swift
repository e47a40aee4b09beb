import ArgumentParser
import Foundation
import IgropyrCluster

struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Ask every member, or some, and show who received it and what they answer.",
        discussion: """
            Serf agents answer by their event handlers; nodes and balancers
            acknowledge only.

              igropyr query uptime
              igropyr query load --tag role=^web --timeout 5
              igropyr query load --member agent-1 --member agent-2 --json

            Ends as soon as everybody has answered, at the latest after the timeout.
            Exit code 2: somebody who should have it has not acknowledged it, or there is
            nobody who should.
            """)

    @Argument(help: "The query's name.", transform: nonempty)
    var name: String

    @Argument(help: "What it carries; - reads it from standard input.")
    var payload: String?

    @Option(help: "Ask only this member; may be repeated.", transform: nonempty)
    var member: [String] = []

    @Option(name: .customLong("tag"), help: "Ask only members whose tag matches, as KEY=EXPRESSION; may be repeated.")
    var tags: [String] = []

    @Option(help: "Have each answer sent by so many other members besides: for networks that lose much.")
    var relay = 0

    @OptionGroup var waiting: TimeoutOption

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard 0...255 ~= relay else { throw ValidationError("--relay takes 0 to 255 members.") }
    }

    func run() async throws {
        var question = QuestionMessage(name: name)
        question.payload = try Payload.read(payload)
        question.members = member.isEmpty ? nil : member
        question.tags = try KeyValuePairs.parse(tags, option: "--tag", example: "role=^web")
        question.relayFactor = relay
        question.timeout = waiting.timeout
        let (json, asking) = (json, question)
        let poll = try await control.withClient { client, node in
            try await Poll.run("asking", until: { $0.asked.isSubset(of: $0.answers.keys) }) { onLine in
                try await client.query(asking, by: node) { line in
                    if !json, case .answered(let member, let payload) = line {
                        Terminal.write("  \(member)  \(Payload.text(payload))".plain + "\n")
                    }
                    return onLine(line)
                }
            }
        }
        if json {
            print(try JSONText.of(Result(poll)))
        } else {
            print("\(poll.acks.count) of \(poll.asked.count) received it, \(poll.answers.count) answered")
            poll.complain(poll.asked.subtracting(poll.acks), "did not acknowledge it")
        }
        let strangers = Set(member).subtracting(poll.asked)
        poll.complain(strangers, "is no member that is alive")
        if poll.asked.isEmpty, poll.acks.isEmpty { StandardError.write("no member is as asked for\n") }
        if !poll.asked.isSubset(of: poll.acks) || poll.acks.isEmpty || !strangers.isEmpty { throw ExitCode.incomplete }
    }

    private struct Result: Encodable {
        var asked: [String]
        var acks: [String]
        /// Text where it is text, else Base64.
        var answers: [String: String]

        init(_ poll: Poll) {
            asked = poll.asked.sorted()
            acks = poll.acks.sorted()
            answers = poll.answers.mapValues { String(data: $0, encoding: .utf8) ?? $0.base64EncodedString() }
        }
    }
}
