import ArgumentParser
import FoundationEssentials
import IgropyrGossip
import IgropyrSimulation

struct ChartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chart",
        abstract: "Draw detection, false alarms and traffic of fast and lan as SVG files.",
        discussion: """
              MembershipSimulation chart --folder docs

            It writes detection.svg, false-alarms.svg and traffic.svg; with the
            defaults that takes some minutes.
            """)

    @Option(help: "The folder to write to; it must exist.")
    var folder = "."

    @Option(help: "How many runs for each point.")
    var seeds = 20

    @Option(help: "How many runs at once, each on a core.")
    var jobs = 1

    private static let profiles = [GossipProfile.fast, .lan]
    private static let sizes = [2, 3, 5, 10, 20, 32, 64]

    func validate() throws {
        guard 1...10_000 ~= seeds else { throw ValidationError("--seeds takes 1 to 10000.") }
        guard 1...256 ~= jobs else { throw ValidationError("--jobs takes 1 to 256.") }
    }

    func run() async throws {
        try write(try await detection(), "detection.svg")
        try write(try await falseAlarms(), "false-alarms.svg")
        try write(try await traffic(), "traffic.svg")
    }

    private func write(_ chart: Chart, _ name: String) throws {
        let path = "\(folder)/\(name)"
        do {
            try Data(chart.svg.utf8).write(to: URL(filePath: path))
        } catch {
            throw ValidationError("cannot write \(path): \(error); does --folder \(folder) exist?")
        }
        print(path)
    }

    private func seconds(_ shares: [Double], _ times: [Duration?]) -> [Double] {
        let distribution = Distribution(times.compactMap { $0 })
        return shares.map { distribution.percentile($0)?.seconds ?? 0 }
    }

    private func detection() async throws -> Chart {
        var lines: [Chart.Line] = []
        for profile in Self.profiles {
            var points: [[Double]] = []
            for size in Self.sizes {
                let scenario = Scenario(members: size, settings: profile.settings)
                let times = try await SeedRuns.run(1..<UInt64(seeds) + 1, jobs: jobs) {
                    try scenario.detection(seed: $0)
                }
                points.append([Double(size)] + seconds([0.5, 0.99], times))
            }
            lines.append(Chart.Line(name: "\(profile.rawValue), half", points: points.map { ($0[0], $0[1]) }))
            lines.append(Chart.Line(name: "\(profile.rawValue), 99 %", points: points.map { ($0[0], $0[2]) }))
        }
        return Chart(
            title: "Host powered off: all know it", xTitle: "members", yTitle: "seconds", lines: lines,
            isLogarithmic: true)
    }

    /// Five members, one of them frozen every minute for up to 20 s.
    private func falseAlarms() async throws -> Chart {
        var lines: [Chart.Line] = []
        for profile in Self.profiles {
            var points: [(x: Double, y: Double)] = []
            for loss in [0, 0.05, 0.1, 0.2, 0.3] {
                var scenario = Scenario(members: 5, settings: profile.settings)
                scenario.network.loss = loss
                scenario.faults = [
                    Fault(.pause, members: .count(1), every: .seconds(60), for: .milliseconds(500)...(.seconds(20)))
                ]
                let runs = scenario
                let reports = try await SeedRuns.run(1..<UInt64(seeds) + 1, jobs: jobs) {
                    try runs.run(seed: $0, for: .seconds(3600))
                }
                let total = reports.reduce(0) { $0 + $1.falseDeclarations }
                points.append((loss * 100, Double(total) * 24 / Double(seeds)))
            }
            lines.append(Chart.Line(name: profile.rawValue, points: points))
        }
        return Chart(
            title: "5 members, one frozen now and then: healthy members declared failed", xTitle: "% of datagrams lost",
            yTitle: "a day", lines: lines)
    }

    private func traffic() async throws -> Chart {
        var lines: [Chart.Line] = []
        for profile in Self.profiles {
            var points: [(x: Double, y: Double)] = []
            for size in Self.sizes {
                var scenario = Scenario(members: size, settings: profile.settings)
                scenario.isEncrypted = true
                let report = try scenario.run(seed: 1, for: .seconds(600))
                points.append((Double(size), report.bytesSentPerSecond + report.bytesReceivedPerSecond))
            }
            lines.append(Chart.Line(name: profile.rawValue, points: points))
        }
        return Chart(
            title: "Idle, encrypted: sent and received by a member", xTitle: "members", yTitle: "bytes/s", lines: lines,
            isLogarithmic: true)
    }
}
