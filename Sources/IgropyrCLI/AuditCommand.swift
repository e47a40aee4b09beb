import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration

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

            Hosts that have left take their logs with them. Exit code 2: not all others
            could be asked.
            """)

    @Option(help: "Only changes of this application, deployed or not.", transform: ApplicationName.init(_:))
    var app: ApplicationName?

    @Option(help: "So many of the latest.")
    var last: Int = 100

    @Flag(help: "For programs: one line for each.")
    var json = false

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard last >= 1 else { throw ValidationError("--last is 1 or more.") }
    }

    func run() async throws {
        let (entries, unheard, left) = try await control.withClient { client, node in
            var entries: [AuditEntry] = []
            var (unheard, left): ([String], [String]) = ([], [])
            for host in try await client.status(of: node).hosts where host.role == .node {
                if host.status == .left {
                    left.append(host.name)
                } else if host.status == .alive, let address = host.controlSocketAddress,
                    let report = try? await client.audit(of: address)
                {
                    entries += report.entries
                } else {
                    unheard.append(host.name)
                }
            }
            return (entries, unheard, left)
        }
        let chosen = entries.filter { app == nil || $0.application == app }
            .sorted { ($0.time, $0.host) < ($1.time, $1.host) }.suffix(last)
        if json {
            for entry in chosen { print(JSONText.line(entry)) }
        } else if !chosen.isEmpty || unheard.isEmpty {
            let subject = app.map { " of \($0)" } ?? ""
            print(chosen.isEmpty ? "the hosts' logs have no change\(subject)" : Self.table(of: chosen))
        }
        if !left.isEmpty {
            StandardError.write("without the logs of hosts that have left: \(left.joined(separator: ", "))\n")
        }
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
        return table.text
    }
}
