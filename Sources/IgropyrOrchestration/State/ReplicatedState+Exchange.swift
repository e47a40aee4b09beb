extension ReplicatedState {
    public var digest: StateDigest {
        StateDigest(
            deployments: deployments.mapValues(\.timestamp), hosts: hosts.mapValues(\.version),
            certificates: certificates.mapValues(\.timestamp))
    }

    /// All of it, for a file; ``restore(_:at:clock:)`` reads it.
    public var snapshot: StateDelta { delta(for: StateDigest(), maximumBytes: .max) }

    /// What a peer with that digest lacks.
    ///
    /// - Parameters:
    ///   - digest: The peer's.
    ///   - owner: The host whose record to send; nil: those of all hosts.
    ///   - maximumBytes: Roughly, of the JSON. Held to at an entry's boundary, and at least one entry goes along; so
    ///     repeated exchanges get everything across.
    /// - Returns: Hosts' records last: of use only with the deployments, and a balancer that knows hosts knows all
    ///   certificates.
    public func delta(
        for digest: StateDigest, of owner: HostName? = nil, maximumBytes: Int = 4 << 20
    ) -> StateDelta {
        var delta = StateDelta()
        var bytes = 0
        for name in deployments.keys.sorted() {
            guard let deployment = deployments[name], Self.isNewer(deployment.timestamp, than: digest.deployments[name])
            else { continue }
            bytes += deployment.approximateBytes
            guard bytes <= maximumBytes || delta.isEmpty else { return delta.cut }
            delta.deployments.append(deployment)
        }
        for name in digest.certificates == nil ? [] : certificates.keys.sorted() {
            guard let certificate = certificates[name],
                Self.isNewer(certificate.timestamp, than: digest.certificates?[name])
            else { continue }
            bytes += certificate.approximateBytes
            guard bytes <= maximumBytes || delta.isEmpty else { return delta.cut }
            delta.certificates = (delta.certificates ?? []) + [certificate]
        }
        for name in owner.map({ [$0] }) ?? hosts.keys.sorted() {
            guard let record = hosts[name], Self.isNewer(record.version, than: digest.hosts[name]) else { continue }
            bytes += record.approximateBytes
            guard bytes <= maximumBytes || delta.isEmpty else { return delta.cut }
            delta.hosts.append(record)
        }
        return delta
    }

    /// Takes in what a peer sent, entry by entry, each within ``StateLimits``.
    ///
    /// This host's own record is never taken from others. If they hold one that claims to be as new as ours but is not
    /// ours (from before a restart, under a clock that went back since), ours gets an epoch above it.
    ///
    /// - Parameters:
    ///   - delta: From a peer.
    ///   - now: The wall clock; bounds how far ahead an entry may be, and decides which tombstones are too old to take.
    ///   - clock: This host's; observes the timestamps of deployments and certificates.
    ///   - knownHosts: Whose records to take: the hosts that membership knows. nil takes all.
    /// - Returns: Which entries are different now, and which were refused.
    public mutating func apply(
        _ delta: StateDelta, at now: UnixTime, clock: inout HybridClock, knownHosts: Set<HostName>? = nil
    ) -> StateChange {
        var change = StateChange()
        guard delta.version == StateDelta.currentVersion else {
            change.refusals.append(.unsupported(delta.version))
            return change
        }
        for deployment in delta.deployments {
            let former = deployments[deployment.name]
            do throws(Refusal) {
                guard let winner = try deployment.winner(among: deployments, at: now, clock: &clock) else { continue }
                store(winner)
                change.deployments.append(deployment.name)
                guard let former else { continue }
                if former.supersedes(deployment) {
                    store(former.upheld(above: deployment, by: clock.host))
                    change.upheld.append(deployment.name)
                } else if former.hasDecision(of: clock.host, unknownTo: deployment) {
                    change.overruled.append(former)
                }
            } catch { change.refusals.append(error) }
        }
        for record in delta.hosts where knownHosts?.contains(record.name) ?? true {
            do throws(Refusal) {
                if try apply(record, at: now, owner: clock.host) { change.hosts.append(record.name) }
            } catch { change.refusals.append(error) }
        }
        for certificate in delta.certificates ?? [] {
            do throws(Refusal) {
                guard let winner = try certificate.winner(among: certificates, at: now, clock: &clock) else { continue }
                store(winner)
                change.certificates.append(certificate.name)
            } catch { change.refusals.append(error) }
        }
        return change
    }

    /// Takes in this host's own file. The same checks, but its times are believed: a machine whose clock starts in 1970
    /// must not forget what it runs.
    public mutating func restore(
        _ snapshot: StateDelta, at now: UnixTime, clock: inout HybridClock
    ) -> StateChange {
        let times =
            snapshot.deployments.map(\.timestamp.time) + (snapshot.certificates ?? []).map(\.timestamp.time)
            + snapshot.hosts.map { UnixTime(milliseconds: $0.version.epoch) }
        return apply(snapshot, at: times.reduce(now, max), clock: &clock)
    }

    private mutating func apply(_ record: HostRecord, at now: UnixTime, owner: HostName) throws(Refusal) -> Bool {
        let current = hosts[record.name]
        let winner = current?.joined(with: record) ?? record
        guard record != current, record.name == owner && record.version == current?.version || winner != current else {
            return false
        }
        try record.validate(at: now)
        try checkRoom(for: record)
        if record.name == owner, var own = current {
            own.version = HostRecord.Version(epoch: record.version.epoch + 1, counter: 0)
            store(own)
        } else {
            store(winner)
        }
        return true
    }

    private static func isNewer<Version: Comparable>(_ ours: Version, than theirs: Version?) -> Bool {
        guard let theirs else { return true }
        return ours > theirs
    }
}

extension StateDelta {
    fileprivate var cut: StateDelta {
        var delta = self
        delta.isComplete = false
        return delta
    }
}

extension Refusal {
    fileprivate static func unsupported(_ version: Int) -> Refusal {
        Refusal(
            code: .unsupportedVersion, subject: "state",
            reason: "its format is \(version), this host knows \(StateDelta.currentVersion)")
    }
}
