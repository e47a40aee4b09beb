import ArgumentParser
import IgropyrCluster

struct EventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event",
        abstract: "Send a small event to every member; without a name, watch what happens.",
        discussion: """
            Nodes, balancers and Serf agents receive it, each at most once, in no
            particular order; name and payload take 512 bytes together.

              igropyr event deploy v1.2.3
              date | igropyr event tick -
              igropyr event --watch
              igropyr event --json | jq -r '.userEvent | select(.name == "deploy")'

            In JSON lines, payloads are in Base64.
            """)

    @Argument(help: "The event's name.", transform: nonempty)
    var name: String?

    @Argument(help: "What it carries; - reads it from standard input.")
    var payload: String?

    @Flag(help: "Let members that lag behind keep only the last of several with this name.")
    var coalesce = false

    @Flag(help: "Show user events, queries and changes of members as they come, until Ctrl-C.")
    var watch = false

    @Flag(help: "For programs: the event that was sent; watching, one line for each.")
    var json = false

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard name == nil || !watch else {
            throw ValidationError("Send an event (igropyr event NAME), or watch (igropyr event --watch); not both.")
        }
    }

    func run() async throws {
        guard let name else { return try await follow() }
        let event = EventMessage(name: name, payload: try Payload.read(payload), coalesces: coalesce)
        try await control.withClient { client, node in try await client.sendEvent(event, by: node) }
        print(try json ? JSONText.of(event) : "sent the event \(name)")
    }

    private func follow() async throws {
        let json = json
        try await control.following { client, node in
            try await client.events(of: node) { line in
                if json { return Terminal.write(JSONText.line(line) + "\n") }
                return Self.text(line).map { Terminal.write("  \(ClockTime.now)  \($0.plain)\n") } ?? true
            }
        }
    }

    private static func text(_ line: EventLine) -> String? {
        switch line {
        case .started(let host, let members):
            "watching with \(host), \(members.count { $0.status == .alive }.counting("member")) alive"
        case .member(let change, let member): "member  \(member.name) \(change)  \(member.address)"
        case .userEvent(let name, let payload, _): "event   \(name)  \(Payload.text(payload))"
        case .query(let name, let payload, let source): "query   \(name)  \(Payload.text(payload))  from \(source)"
        case .joined(let seed): "joined by \(seed)"
        case .joinFailed(_, let reason): "could not join: \(reason)"
        case .nameConflict(let name, let address): "two hosts use the name \(name), the other is at \(address)"
        case .keysChanged(let count): "the cluster's keys changed: \(count.counting("key")) now"
        case .lagged: "some events were lost: this reader was too slow"
        }
    }
}
