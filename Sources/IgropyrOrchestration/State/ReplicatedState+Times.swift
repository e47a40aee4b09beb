extension ReplicatedState {
    /// Gives what this host said and decided under a clock far ahead times that others take, in the same order. Call it once
    /// that clock is known to be right again (``PeerClocks/Verdict/right``); before, a host whose clock is behind would take
    /// everything for early.
    ///
    /// Without it nobody would listen to the host until its wrong time has come, through restarts, too. Where most other hosts began
    /// later than now, it is the time that is wrong, as on machines without a clock that all start in 1970: nothing is changed.
    ///
    /// - Parameters:
    ///   - now: The wall clock.
    ///   - clock: This host's; goes back as far as is known to be right.
    /// - Returns: The epoch of the host's own record from now on; nil if nothing was early, and nothing is changed.
    public mutating func amendTimes(at now: UnixTime, clock: inout HybridClock) -> Int64? {
        let latest = now.advanced(byMilliseconds: HybridClock.maximumLeadMilliseconds)
        let early = deployments.values.filter { $0.timestamp.time > latest }.sorted { $0.timestamp < $1.timestamp }
        var own = hosts[clock.host]
        let others = hosts.values.filter { $0.name != clock.host }
        guard 2 * others.count(where: { $0.version.epoch > latest.milliseconds }) <= others.count else { return nil }
        guard !early.isEmpty || (own?.version.epoch ?? 0) > latest.milliseconds else { return nil }
        clock = HybridClock(host: clock.host)
        for deployment in deployments.values { try? clock.observe(deployment.timestamp, at: now) }
        for var deployment in early {
            deployment.timestamp = clock.tick(at: now)
            store(deployment)
        }
        own?.version = HostRecord.Version(epoch: now.milliseconds, counter: 0)
        if let own { store(own) }
        return now.milliseconds
    }
}
