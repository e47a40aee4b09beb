public import ArgumentParser
public import IgropyrCluster
import IgropyrText

struct MembersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "List who gossips: nodes, balancers and Serf agents; or watch them come and go.",
        discussion: """
              igropyr members
              igropyr members --status failed --status left
              igropyr members --tag igropyr=node --json | jq -r '.[].address'
              igropyr members --watch
              igropyr members --watch --json | jq -r 'select(.member.change == "failed")'

            RTT is the estimated round trip from the node that is asked; TAGS are those
            that a member's operator chose, and --json has all. Exit code 2: no member
            is as asked for.
            """)

    @Option(help: "Only members of this status; may be repeated.")
    var status: [StatusReport.Host.Status] = []

    @Option(help: "Only members of this role; may be repeated.")
    var role: [StatusReport.Host.Role] = []

    @Option(name: .customLong("tag"), help: "Only members that gossip this tag, as KEY=VALUE; may be repeated.")
    var tags: [String] = []

    @Option(help: "Only the member of this name; may be repeated.", transform: nonempty)
    var name: [String] = []

    @Flag(help: "Go on, with a line for each change, until Ctrl-C.")
    var watch = false

    @Flag(help: "For programs; with --watch, one line for each change.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let filter = MemberFilter(
            status: Set(status), roles: Set(role), names: Set(name),
            tags: try KeyValuePairs.parse(tags, option: "--tag", example: "disk=ssd"))
        guard !watch else { return try await follow(filter) }
        let report = try await control.withClient { client, node in try await client.members(of: node) }
        let members = report.members.filter(filter.matches)
        if json {
            print(try JSONText.of(members))
        } else {
            print(Self.table(of: members))
        }
        guard !members.isEmpty else {
            StandardError.write("no member is as asked for\n")
            throw ExitCode.incomplete
        }
    }

    private func follow(_ filter: MemberFilter) async throws {
        let json = json
        try await control.following { client, node in
            try await client.events(of: node) { line in
                switch line {
                case .started(let host, let members):
                    let members = members.filter(filter.matches)
                    let line = EventLine.started(host: host, members: members)
                    return Terminal.write((json ? JSONText.line(line) : Self.table(of: members)) + "\n")
                case .member(let change, let member) where filter.matches(member):
                    return Terminal.write((json ? JSONText.line(line) : Self.text(change, member)) + "\n")
                case .lagged: StandardError.write("some changes were lost: this reader was too slow\n")
                case .member, .userEvent, .query, .joined, .joinFailed, .nameConflict, .keysChanged: break
                }
                return true
            }
        }
    }

    private static func table(of members: [MembersReport.Member]) -> String {
        var table = Table("NAME", "ADDRESS", "STATUS", "ROLE", "RTT", "TAGS")
        for member in members.sortedNaturally(by: { [$0.name] }) {
            table.add(
                member.name, member.address, member.status.rawValue, member.role.rawValue,
                member.roundTrip.map(Milliseconds.text) ?? "-", text(member.tags))
        }
        return table.text
    }

    private static func text(_ change: String, _ member: MembersReport.Member) -> String {
        "  \(ClockTime.now)  \(change)  \(member.name)  \(member.address)  \(text(member.tags))".plain
    }

    private static func text(_ tags: [String: String]) -> String { KeyValuePairs.text(MemberTags.chosen(of: tags)) }
}

/// Which members are asked for; what is empty asks for none in particular.
struct MemberFilter: Sendable {
    var status: Set<StatusReport.Host.Status>
    var roles: Set<StatusReport.Host.Role>
    var names: Set<String>
    var tags: [String: String]

    func matches(_ member: MembersReport.Member) -> Bool {
        (status.isEmpty || status.contains(member.status)) && (roles.isEmpty || roles.contains(member.role))
            && (names.isEmpty || names.contains(member.name)) && tags.allSatisfy { member.tags[$0.key] == $0.value }
    }
}

extension StatusReport.Host.Status: ExpressibleByArgument {}
extension StatusReport.Host.Role: ExpressibleByArgument {}
