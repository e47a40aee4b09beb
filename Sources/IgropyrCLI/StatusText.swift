import IgropyrCluster
import IgropyrOrchestration
import IgropyrText

/// A status report as tables for people.
struct StatusText {
    private let report: StatusReport

    init(_ report: StatusReport) { self.report = report }

    var text: String {
        var parts = ["Hosts, as \(report.host) sees them:\n\(hosts)"]
        if report.applications.isEmpty {
            parts.append("No applications: igropyr deploy PROGRAM --name NAME")
        } else {
            parts.append("Applications:\n\(Self.applications(report.applications))")
            parts.append("Workers:\n\(workers)")
        }
        let problems = report.applications.compactMap { application in
            application.problem.map { "  \(application.name): \($0)" }
        }
        let rollouts = report.applications.compactMap(Self.rollout(of:))
        if !rollouts.isEmpty { parts.append("Rollouts:\n" + rollouts.joined(separator: "\n")) }
        let all = problems + report.problems.map { "  \($0)" }
        if !all.isEmpty { parts.append("Problems:\n" + all.joined(separator: "\n")) }
        return parts.joined(separator: "\n\n")
    }

    private var hosts: String {
        var table = Table("NAME", "ADDRESS", "STATUS", "ROLE", "CORES", "BUNDLES", "WORKERS")
        for host in report.hosts.sortedNaturally(by: { [$0.name] }) {
            let workers = report.workers.count { $0.host.rawValue == host.name && $0.state == .ready }
            let isDraining = host.status == .alive && host.isDraining == true
            table.add(
                host.name, host.address, isDraining ? "draining" : host.status.rawValue,
                host.role.rawValue, Self.text(host.cores), Self.text(host.bundles),
                host.role == .node ? "\(workers) ready" : "-")
        }
        return table.text
    }

    static func applications(_ applications: [StatusReport.Application]) -> String {
        var table = Table("NAME", "REVISION", "KIND", "ROUTE", "SCALE", "READY")
        for application in applications {
            table.add(
                application.name.rawValue, application.revision.short,
                application.isEncrypted == true ? "\(application.kind), encrypted" : application.kind,
                application.route, application.scale, "\(application.ready) of \(application.wanted)")
        }
        return table.text
    }

    /// nil once it is complete, and nothing is to be told about it.
    private static func rollout(of application: StatusReport.Application) -> String? {
        guard let rollout = application.rollout, !rollout.isComplete || rollout.reason != nil else { return nil }
        var text = "  \(application.name), revision \(application.revision.short): "
        text += "\(rollout.done) of \(rollout.wanted.counting("worker")) available"
        if rollout.cause == .automaticRollback { text += ", rolled back" }
        if rollout.isPaused { text += ", paused" }
        if rollout.awaitsPromotion { text += ", waits for igropyr promote" }
        return text + (rollout.reason.map { "; \($0)" } ?? "")
    }

    private var workers: String {
        let revisions = Dictionary(report.applications.map { ($0.name, $0.revision) }) { first, _ in first }
        var table = Table("APPLICATION", "HOST", "NO", "ADDRESS", "STATE", "PID", "RESTARTS", "SHARE", "")
        let workers = report.workers.sortedNaturally {
            [$0.application.rawValue, $0.host.rawValue, "\($0.index)", $0.revision.description]
        }
        for worker in workers {
            table.add(
                worker.application.rawValue, worker.host.rawValue, "\(worker.index)", worker.address,
                worker.state.rawValue, Self.text(worker.pid), "\(worker.restarts)", Self.percent(worker.share),
                Self.remark(on: worker, revisions[worker.application]))
        }
        return table.isEmpty ? "  none yet" : table.text
    }

    /// Of a worker that is not of the revision that is deployed, also that.
    private static func remark(on worker: StatusReport.Worker, _ deployed: BundleDigest?) -> String {
        guard worker.revision != deployed else { return worker.message }
        return ["revision \(worker.revision.short)", worker.message].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    private static func text(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "-" }

    private static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
