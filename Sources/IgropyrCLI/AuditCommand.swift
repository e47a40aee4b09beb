import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Show who changed what, when and from where, by all hosts' logs.",
        discussion: """
            Each host keeps what was asked of it; the hosts' clocks order it. The user
            is what the client says: whoever holds the cluster's key may say anything.

              igropyr audit
              igropyr audit --app shop
              igropyr audit --json | jq 'select(.action == "deploy")'

            Exit code 2: not all hosts could be asked.
            """)

    @Option(help: "Only changes of this application.")
    var app: String?

    @Option(help: "So many of the latest.")
    var last: Int = 100

    @Flag(help: "For programs: one line for each.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let (entries, unheard) = try await control.withClient { client, node in
            var entries: [AuditEntry] = []
            var unheard: [String] = []
            for host in try await client.status(of: node).hosts where host.role == .node {
                let address = host.controlAddress.flatMap { SocketAddress(parsing: $0, defaultPort: 0) }
                guard host.status == .alive, let address, let report = try? await client.audit(of: address) else {
                    if host.status != .left { unheard.append(host.name) }
                    continue
                }
                entries += report.entries
            }
            return (entries, unheard)
        }
        let chosen = entries.filter { app == nil || $0.application?.rawValue == app }
            .sorted { ($0.time, $0.host) < ($1.time, $1.host) }.suffix(max(0, last))
        print(json ? chosen.map(JSONText.line).joined(separator: "\n") : Self.table(of: chosen))
        guard unheard.isEmpty else {
            StandardError.write("could not ask: \(unheard.joined(separator: ", "))\n")
            throw ExitCode.incomplete
        }
    }

    private static func table(of entries: some Sequence<AuditEntry>) -> String {
        var table = Table("TIME", "HOST", "ACTION", "APPLICATION", "REVISION", "USER", "FROM", "")
        for entry in entries {
            table.add(
                ClockTime.text(entry.time), entry.host.rawValue, entry.action.rawValue,
                entry.application?.rawValue ?? "-", entry.revision?.short ?? "-", entry.user ?? "-",
                entry.address ?? "-", entry.detail)
        }
        return table.isEmpty ? "nothing was changed yet" : table.text
    }
}
