extension ReplicatedState {
    /// Gives what this host said and decided under a clock far ahead times that others take, in the same order. Call it
    /// once that clock is known to be right again (``PeerClocks/Verdict/right``); before, a host whose clock is behind
    /// would take everything for early.
    ///
    /// Without it nobody would listen to the host until its wrong time has come, through restarts, too. What others
    /// said under such a clock, and was believed here while this host's was ahead with theirs, or seemed to be behind,
    /// counts as older than whatever they say from now on. For a member without a record, such as a balancer, which
    /// decides nothing, so does what they decided. Where this host and most others began later than now, it is the time
    /// that is wrong, as on machines without a clock that all start in 1970: nothing is changed.
    ///
    /// - Parameters:
    ///   - now: The wall clock.
    ///   - clock: This host's; goes back as far as is known to be right.
    /// - Returns: The epoch of the host's own record from now on; nil if nothing is changed.
    public mutating func amendTimes(at now: UnixTime, clock: inout HybridClock) -> Int64? {
        let latest = now.advanced(byMilliseconds: HybridClock.maximumLeadMilliseconds)
        let early = deployments.values.filter { $0.timestamp.time > latest }.sorted { $0.timestamp < $1.timestamp }
        let earlyCertificates = certificates.values.filter { $0.timestamp.time > latest }
            .sorted { $0.timestamp < $1.timestamp }
        let earlyHosts = hosts.values.filter { $0.version.epoch > latest.milliseconds }
        guard !early.isEmpty || !earlyHosts.isEmpty || !earlyCertificates.isEmpty else { return nil }
        var own = hosts[clock.host]
        if let own, own.version.epoch > latest.milliseconds {
            guard 2 * (earlyHosts.count - 1) <= hosts.count - 1 else { return nil }
        }
        for var record in earlyHosts {
            record.version = HostRecord.Version(epoch: 0, counter: 0)
            store(record)
        }
        clock = HybridClock(host: clock.host)
        for deployment in deployments.values { try? clock.observe(deployment.timestamp, at: now) }
        for certificate in certificates.values { try? clock.observe(certificate.timestamp, at: now) }
        let decides = own != nil
        let amended = { (timestamp: HybridTimestamp, clock: inout HybridClock) in
            decides ? clock.tick(at: now) : HybridTimestamp(time: UnixTime(milliseconds: 0), origin: timestamp.origin)
        }
        for var deployment in early {
            deployment.timestamp = amended(deployment.timestamp, &clock)
            store(deployment)
        }
        for var certificate in earlyCertificates {
            certificate.timestamp = amended(certificate.timestamp, &clock)
            store(certificate)
        }
        own?.version = HostRecord.Version(epoch: now.milliseconds, counter: 0)
        if let own { store(own) }
        return now.milliseconds
    }
}
