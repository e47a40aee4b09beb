internal import IgropyrGossip
internal import IgropyrHashing
internal import IgropyrOrchestration
internal import IgropyrUV

extension StatusReport {
    /// Takes tens of milliseconds, for the rings: not for an event loop.
    init(_ snapshot: Replica.Snapshot, host: HostName, refusals: Refusals) {
        let view = ClusterView(snapshot.state, alive: snapshot.alive)
        let placement = snapshot.state.placement(alive: snapshot.alive)
        self.init(
            host: host, hosts: Self.hosts(snapshot), applications: Self.applications(snapshot, view, placement),
            workers: Self.workers(snapshot, Self.shares(view)), problems: Self.problems(snapshot), refusals: refusals)
    }

    private static func problems(_ snapshot: Replica.Snapshot) -> [String] {
        let records = snapshot.state.hosts.values.filter { snapshot.alive.contains($0.name) }
        let ofHosts = records.sorted { $0.name < $1.name }.flatMap { record in
            (record.problems ?? []).map { "\(record.name): \($0)" }
        }
        let certificates = snapshot.state.certificates.values.sorted { $0.name < $1.name }
        return ofHosts + certificates.compactMap { $0.problem(at: .now) }
    }

    private static func hosts(_ snapshot: Replica.Snapshot) -> [Host] {
        snapshot.members.sorted { $0.name < $1.name }.map { member in
            let record = member.host.flatMap { snapshot.state.hosts[$0] }
            var host = Host(
                name: member.name, address: "\(member.address)", status: .init(member.status), role: .init(member))
            guard host.role == .node else { return host }
            host.controlAddress = member.controlAddress.map { "\($0)" }
            host.cores = record.map { Int($0.cores) }
            host.bundles = record?.bundles.count
            host.tags = record?.tags
            host.isDraining = record?.isDraining
            return host
        }
    }

    static func applications(
        _ snapshot: Replica.Snapshot, _ view: ClusterView, _ placement: Placement
    ) -> [Application] {
        var wanted: [ApplicationName: Int] = [:]
        for slots in placement.workers.values { for slot in slots.keys { wanted[slot.application, default: 0] += 1 } }
        let quarantines = snapshot.state.quarantines(alive: snapshot.alive, placement: placement)
        return snapshot.state.liveDeployments.sorted { $0.key < $1.key }.map { name, spec in
            Application(
                name: name, revision: spec.revision, fingerprint: spec.worker.fingerprint, kind: spec.kind.word,
                isEncrypted: spec.isEncrypted, route: spec.routes.map(\.description).joined(separator: " "),
                scale: "\(spec.scale)", wanted: wanted[name] ?? 0, ready: view.endpoints[name]?.count ?? 0,
                problem: quarantines[name].map { problem(of: name, $0) } ?? problem(of: name, view, placement),
                rollout: snapshot.state.deployments[name].flatMap { Rollout($0, placement, snapshot.state) })
        }
    }

    private static func problem(of name: ApplicationName, _ quarantine: Quarantine) -> String {
        let hosts = quarantine.hosts.prefix(3).map(\.rawValue).joined(separator: ", ")
        let rest = quarantine.hosts.count > 3 ? " and \(quarantine.hosts.count - 3) more hosts" : ""
        return
            "its revision \(quarantine.worker.revision.short) crashes again and again on \(hosts)\(rest) and is tried "
            + "no more: deploy another, or run igropyr retry \(name)"
    }

    private static func problem(of name: ApplicationName, _ view: ClusterView, _ placement: Placement) -> String? {
        if let other = view.routes.shadowed[name] { return "its route is \(other)'s, too, which gets the requests" }
        return placement.shortfalls[name]?.description
    }

    private static func workers(_ snapshot: Replica.Snapshot, _ shares: [String: Double]) -> [Worker] {
        let fingerprints = snapshot.state.liveDeployments.mapValues(\.worker.fingerprint)
        var workers: [Worker] = []
        for record in snapshot.state.hosts.values where snapshot.alive.contains(record.name) {
            for worker in record.workers {
                let slot = worker.slot(on: record.name)
                workers.append(
                    Worker(
                        worker, on: record.name, share: worker.state == .ready ? shares[slot.id] ?? 0 : 0,
                        isCurrent: worker.fingerprint.map { $0 == fingerprints[worker.application] },
                        isMisfit: record.hasNothing(of: worker.revision) ? true : nil))
            }
        }
        return workers.sorted {
            ($0.application, $0.host, $0.index, $0.revision) < ($1.application, $1.host, $1.index, $1.revision)
        }
    }

    /// By the slots' ids.
    private static func shares(_ view: ClusterView) -> [String: Double] {
        var shares: [String: Double] = [:]
        for application in view.endpoints.keys {
            let ring = view.ring(of: application, depth: 1)
            for (member, count) in zip(ring.members, ring.shares()) {
                shares[member.id] = Double(count) / Double(HashRing.slotCount)
            }
        }
        return shares
    }
}

extension StatusReport.Rollout {
    init?(_ deployment: Deployment, _ placement: Placement, _ state: ReplicatedState) {
        guard let rollout = IgropyrOrchestration.Rollout(deployment, in: placement, state: state) else { return nil }
        let progress = deployment.progress
        self.init(
            cause: progress.cause, isComplete: progress.isComplete, isPaused: progress.isPaused,
            awaitsPromotion: rollout.awaitsPromotion, rollsBack: rollout.rollsBack, done: rollout.doneCount,
            wanted: rollout.slotCount,
            reason: progress.reason.isEmpty ? progress.isComplete ? nil : rollout.failure : progress.reason)
    }
}

extension StatusReport.Worker {
    fileprivate init(
        _ worker: WorkerRecord, on host: HostName, share: Double, isCurrent: Bool?, isMisfit: Bool?
    ) {
        let address = SocketAddress(worker.address, port: worker.port)
        self.init(
            application: worker.application, host: host, index: worker.index, revision: worker.revision,
            address: address.map { "\($0)" } ?? worker.address, state: worker.state,
            pid: worker.pid == 0 ? nil : worker.pid, restarts: worker.restarts,
            message: [worker.message, worker.nextTry(at: .now)].filter { !$0.isEmpty }.joined(separator: "; "),
            share: share, isCurrent: isCurrent, isMisfit: isMisfit)
    }
}

extension WorkerRecord {
    /// For people; empty if no next try is waited for, or if clocks differ so much that nothing can be said of it.
    func nextTry(at now: UnixTime) -> String {
        guard let nextTryAt else { return "" }
        let wait = Duration.milliseconds(nextTryAt.milliseconds(since: now))
        return (.zero...Supervision.longestDelay).contains(wait) ? "next try in \(wait.brief)" : ""
    }
}

extension Certificate {
    /// Who renews does so a month before the end; half of that is a sign that nobody does.
    private static let warningMilliseconds: Int64 = 14 * 24 * 3600 * 1000

    /// That it ends soon, or has ended, and what to do; nil if neither.
    func problem(at now: UnixTime) -> String? {
        guard let content, content.expiresAt.milliseconds(since: now) < Self.warningMilliseconds else { return nil }
        let end = "\(content.expiresAt < now ? "has expired" : "expires") on \(content.expiresAt.day)"
        return "certificate \(name): it \(end): renew it, then igropyr certificate set"
    }
}

extension StatusReport.Host.Status {
    init(_ status: Member.Status) {
        self =
            switch status {
            case .alive: .alive
            case .leaving: .leaving
            case .left: .left
            case .failed: .failed
            }
    }
}

extension StatusReport.Host.Role {
    init(_ member: Member) {
        switch member.tags[MemberTags.role] {
        case MemberTags.node: self = .node
        case MemberTags.balancer[MemberTags.role]: self = .balancer
        default: self = .serf
        }
    }
}

extension DeploymentSpec.Kind {
    fileprivate var word: String {
        switch self {
        case .site: "site"
        case .executable: "executable"
        }
    }
}
