import ArgumentParser
import IgropyrCluster
import IgropyrText

struct RTTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rtt",
        abstract: "Estimate the round trip between two members, without a packet.",
        discussion: """
            From network coordinates, as Serf has them: each member works out its own
            from the pings of the failure detector. They need some minutes to settle.

              igropyr rtt                     # from this node to everybody
              igropyr rtt host-2              # from this node
              igropyr rtt host-2 host-3
              igropyr rtt host-2 host-3 --json | jq .milliseconds
            """)

    @Argument(help: "A member.", transform: nonempty)
    var first: String?

    @Argument(help: "Another one. Default: the node that is asked.", transform: nonempty)
    var second: String?

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    private struct Line: Encodable {
        var from: String
        var to: String
        var milliseconds: Double
    }

    func run() async throws {
        let report = try await control.withClient { client, node in try await client.coordinates(of: node) }
        guard let first else { return try list(report) }
        let from = second == nil ? report.host : first
        let line = Line(from: from, to: second ?? first, milliseconds: try roundTrip(from, second ?? first, report))
        print(
            try json
                ? JSONText.of(line) : "\(line.from) to \(line.to) and back: \(Milliseconds.text(line.milliseconds))")
    }

    private func roundTrip(_ from: String, _ other: String, _ report: CoordinatesReport) throws -> Double {
        guard from != other else { throw CommandFailure("\(from) to itself: name two members") }
        for name in [from, other] where report.roundTrips[name] == nil {
            let known = report.roundTrips.keys.sortedNaturally { [$0] }.joined(separator: ", ")
            throw CommandFailure(
                "\(report.host) has no coordinate of \(name): there is no such member, it is new, or it is no node and "
                    + "no Serf agent; known are: \(known.plain)")
        }
        return report.roundTrips[from]?[other] ?? 0
    }

    private func list(_ report: CoordinatesReport) throws {
        let all = (report.roundTrips[report.host] ?? [:]).sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        guard !json else {
            return print(
                try JSONText.of(all.map { Line(from: report.host, to: $0.key, milliseconds: $0.value) }))
        }
        guard !all.isEmpty else { return print("\(report.host) knows no other coordinate yet") }
        var table = Table("FROM", "TO", "RTT")
        for (name, milliseconds) in all { table.add(report.host, name, Milliseconds.text(milliseconds)) }
        print(table.text)
    }
}
