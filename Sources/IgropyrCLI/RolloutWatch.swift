import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// Follows an application's rollout until its end, on the terminal's last line.
struct RolloutWatch {
    enum Outcome {
        /// `problem` is why fewer are wanted or ready than asked for, if that is known; `unreached` are nodes that
        /// count as failed.
        case complete(ready: Int, wanted: Int, problem: String?, unreached: [String])
        /// An operator is waited for: why, and what to do.
        case onHold(String)

        /// For people: what is still missing, and what to do; nil if nothing is.
        var shortcoming: String? {
            switch self {
            case .complete(let ready, let wanted, let problem, _):
                if let problem {
                    problem
                } else if ready < wanted {
                    "\((wanted - ready).counting("worker")) cannot start: igropyr status says why"
                } else {
                    nil
                }
            case .onHold(let reason): reason
            }
        }
    }

    let client: ControlClient
    let node: SocketAddress
    var showsCount = true

    /// `deployment` is what should stand in the end, as the node has entered it, `patience` how long nothing may have
    /// changed.
    /// - Throws: What went wrong, as soon as that is certain; that nothing has changed, or the node was silent, for too
    ///   long.
    func follow(_ deployment: Deployment, for patience: Duration) async throws -> Outcome {
        let name = deployment.name
        guard var spec = deployment.spec else { throw CommandFailure("\(name) is removed") }
        let line = showsCount ? CountLine("\(name)") : nil
        defer { line?.finish() }
        var last: (done: Int, ready: Int) = (-1, -1)
        var lastChange = EventLoop.preciseNow
        while true {
            let asked = EventLoop.preciseNow
            do {
                let report = try await client.status(of: node)
                guard let application = report.applications.first(where: { $0.name == name }) else {
                    throw CommandFailure("\(name) was removed in the meantime")
                }
                if !Self.counts(spec, application) {
                    spec = try await successor(of: spec, application) ?? spec
                }
                if let outcome = try Self.outcome(of: application, spec, report) {
                    let present = try await client.deployment(name, at: node)
                    guard present.follows(deployment) || present.spec == deployment.spec else {
                        throw CommandFailure(
                            "\(name) was changed elsewhere in the meantime, where this was not known, and that counts: "
                                + "igropyr audit says who did it")
                    }
                    return outcome
                }
                let done = application.rollout?.done ?? 0
                line?.show(done, of: application.rollout?.wanted ?? application.wanted)
                if last != (done, application.ready) {
                    (last, lastChange) = ((done, application.ready), EventLoop.preciseNow)
                }
                guard lastChange.duration(to: EventLoop.preciseNow) < patience else {
                    throw Self.standstill(application, report)
                }
            } catch let error as ControlError
                where error.code == .unreachable && lastChange.duration(to: EventLoop.preciseNow) < patience
            {
                // It is busy, or is started again: the rollout goes on without it.
            }
            // A large cluster's node, or one that many wait for, does not become busy by being asked.
            let answerTime = asked.duration(to: EventLoop.preciseNow)
            try await Task.sleep(for: min(max(.milliseconds(100), answerTime * 10), .seconds(1)))
        }
    }

    /// What others have made of it since, if that goes out with all that was asked for: with another secret, or another
    /// start.
    private func successor(
        of spec: DeploymentSpec, _ application: StatusReport.Application
    ) async throws -> DeploymentSpec? {
        guard let cause = application.rollout?.cause, cause == .deploy || cause == .restart,
            let present = try await client.deployment(application.name, at: node).spec
        else { return nil }
        return present.worker.differsAtMostInSecretsOrStarts(from: spec.worker) ? present : nil
    }

    private static func outcome(
        of application: StatusReport.Application, _ spec: DeploymentSpec, _ report: StatusReport
    ) throws -> Outcome? {
        let name = application.name
        guard let rollout = application.rollout else { return nil }
        let stillCounts = counts(spec, application)
        if rollout.cause == .automaticRollback, !stillCounts {
            throw CommandFailure(
                "\(name) was rolled back to \(application.revision.short): \(rollout.reason ?? "a new worker failed")")
        }
        guard stillCounts else {
            throw CommandFailure(
                "\(name) was changed by others in the meantime, and that counts, with revision "
                    + "\(application.revision.short): igropyr audit says who did it")
        }
        if !rollout.rollsBack, !rollout.isComplete {
            if let failed = failure(of: name, spec.revision, report) { throw failed }
            // Of an automatic rollback it is the reason for that.
            if rollout.cause != .automaticRollback, let reason = rollout.reason {
                throw CommandFailure("\(reason): mend it and deploy again")
            }
        }
        if let hold = rollout.hold(of: name) { return .onHold(hold) }
        let problem = application.problem
        let unreached = report.hosts.filter { $0.role == .node && $0.status == .failed }.map(\.name)
        // Nothing can be found good then, and so the rollout is never complete.
        guard application.wanted > 0 else {
            return .complete(ready: 0, wanted: 0, problem: problem, unreached: unreached)
        }
        guard rollout.isComplete, settled(name, report) >= application.wanted else { return nil }
        return .complete(ready: application.ready, wanted: application.wanted, problem: problem, unreached: unreached)
    }

    /// Whether that is what is deployed now. The revision alone does not tell: another environment, or a restart, has
    /// the same.
    private static func counts(_ spec: DeploymentSpec, _ application: StatusReport.Application) -> Bool {
        guard let fingerprint = application.fingerprint else { return application.revision == spec.revision }
        return fingerprint == spec.worker.fingerprint
    }

    /// In how many places nothing is waited for: something serves there, or nothing ever will, as on a host that the
    /// bundle has no program for.
    private static func settled(_ name: ApplicationName, _ report: StatusReport) -> Int {
        let workers = report.workers.filter {
            $0.application == name && ($0.state == .ready || $0.state == .failed && $0.isCurrent != false)
        }
        return Set(workers.map { WorkerSlot(application: name, host: $0.host, index: $0.index) }).count
    }

    private static func failure(
        of name: ApplicationName, _ revision: BundleDigest, _ report: StatusReport
    ) -> CommandFailure? {
        let failed = report.workers.first {
            $0.application == name && $0.revision == revision && $0.isCurrent != false
                && $0.isMisfit != true && ($0.state == .backoff || $0.state == .failed)
        }
        return failed.map {
            CommandFailure(
                "\(name) does not start on \($0.host): \($0.message). Mend it and deploy again, "
                    + "or take it out: igropyr remove \(name)")
        }
    }

    /// While workers are replaced, those of before are ready, too, and do not count.
    private static func standstill(_ application: StatusReport.Application, _ report: StatusReport) -> CommandFailure {
        let name = application.name
        let reason =
            report.workers.first { $0.application == name && $0.state != .ready && !$0.message.isEmpty }
            .map { "\($0.host): \($0.message)" } ?? "igropyr status says more"
        let rollout = application.rollout.flatMap { $0.isComplete ? nil : $0 }
        let (ready, wanted) = rollout.map { ($0.done, $0.wanted) } ?? (application.ready, application.wanted)
        let state = rollout == nil ? "ready" : "new and healthy"
        return CommandFailure(
            "deployed \(name), but only \(ready) of \(wanted.counting("worker")) became \(state) in time (\(reason)). "
                + "igropyr rollback \(name) takes it back, igropyr remove \(name) a first one")
    }
}
