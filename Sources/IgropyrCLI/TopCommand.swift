import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrText
import IgropyrUV

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show what workers use of their hosts: processor time, as of one second, and memory.",
        discussion: """
              igropyr top
              igropyr top shop
              igropyr top shop/host-2
              igropyr top --json | jq 'map(select(.memoryBytes > 1e9))'

            100 % is one core. Exit code 2: not all hosts could be asked.
            """)

    struct Line: Encodable {
        var host: HostName
        var application: ApplicationName
        var index: Int
        var pid: Int32
        /// 100 is one core.
        var cpuPercent: Double
        var memoryBytes: Int64
        var threads: Int

        var slot: WorkerSlot { WorkerSlot(application: application, host: host, index: index) }
    }

    @Argument(help: "APP, APP/HOST or APP/HOST/INDEX. Default: all workers.", transform: WorkerTarget.init(_:))
    var target: WorkerTarget?

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let target = target
        let (lines, unheard) = try await control.withClient { client, node in
            let report = try await client.status(of: node)
            _ = try target?.hosts(in: report)  // Which names what is not there.
            let hosts = report.hosts.filter { host in
                host.role == .node && host.status == .alive && (target?.host.map { $0.rawValue == host.name } ?? true)
            }
            let start = EventLoop.preciseNow
            let first = await Self.reports(of: hosts, client)
            try await Task.sleep(for: .seconds(1))
            let second = await Self.reports(of: hosts, client)
            let seconds = start.duration(to: EventLoop.preciseNow) / .seconds(1)
            let unheard = hosts.map(\.name).filter { second[$0] == nil }
            let lines = Self.lines(first, second, seconds).filter { target?.includes($0.slot) ?? true }
            return (lines, unheard)
        }
        if json {
            print(try JSONText.of(lines))
        } else if !lines.isEmpty || unheard.isEmpty {
            print(lines.isEmpty ? "no \(target == nil ? "" : "such ")worker runs" : Self.table(of: lines))
        }
        guard unheard.isEmpty else {
            StandardError.write("could not ask: \(unheard.joined(separator: ", "))\n")
            throw ExitCode.incomplete
        }
    }

    private static func reports(of hosts: [StatusReport.Host], _ client: ControlClient) async -> [String: TopReport] {
        await withTaskGroup(of: TopReport?.self) { group in
            for host in hosts {
                group.addTask {
                    guard let address = host.controlSocketAddress else { return nil }
                    return try? await client.top(of: address)
                }
            }
            return await group.reduce(into: [:]) { if let report = $1 { $0[report.host.rawValue] = report } }
        }
    }

    private static func lines(
        _ first: [String: TopReport], _ second: [String: TopReport], _ seconds: Double
    ) -> [Line] {
        second.values.sortedNaturally { [$0.host.rawValue] }.flatMap { report in
            report.workers.map { worker in
                let before = first[report.host.rawValue]?.workers.first { $0.pid == worker.pid }
                return Line(
                    host: report.host, application: worker.application, index: worker.index, pid: worker.pid,
                    cpuPercent: (worker.cpuSeconds - (before?.cpuSeconds ?? worker.cpuSeconds)) / seconds * 100,
                    memoryBytes: worker.memoryBytes, threads: worker.threads)
            }
        }
    }

    private static func table(of lines: [Line]) -> String {
        var table = Table("HOST", "APPLICATION", "NO", "PID", "CPU", "MEMORY", "THREADS")
        for line in lines {
            table.add(
                line.host.rawValue, line.application.rawValue, "\(line.index)", "\(line.pid)",
                "\(Int(line.cpuPercent.rounded())) %", "\(line.memoryBytes >> 20) MB", "\(line.threads)")
        }
        return table.text
    }
}
