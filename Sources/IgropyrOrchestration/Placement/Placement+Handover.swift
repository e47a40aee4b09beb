extension Placement {
    /// For how long at most a host keeps a worker that has its place elsewhere now.
    public static let longestHandover: Duration = .seconds(30)

    /// Applications with a place whose worker does not serve yet, as its host tells, but may: not where there is no
    /// program for the host.
    ///
    /// A host from which a worker is moved away keeps it while its application is among these, so that a newcomer's
    /// start is no gap; but not longer than ``longestHandover``, lest a worker that cannot start elsewhere stays for
    /// good.
    public func moving(in state: ReplicatedState) -> Set<ApplicationName> {
        var moving: Set<ApplicationName> = []
        for (host, slots) in workers {
            let record = state.hosts[host]
            let ready = (record?.workers ?? []).filter { $0.state == .ready }
            let serving = Set(ready.map { $0.slot(on: host) })
            for (slot, spec) in slots where !serving.contains(slot) && record?.hasNothing(of: spec.revision) != true {
                moving.insert(slot.application)
            }
        }
        return moving
    }
}
