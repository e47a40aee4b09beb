public import IgropyrGossip
internal import IgropyrTime

/// What befalls hosts.
extension Simulation {
    // MARK: - One blow

    /// Nothing is handled for so long; what arrives waits, as far as the socket's buffer goes.
    public func pause(_ index: Int, for duration: Duration) {
        freeze(index, for: duration)
        impair(index, until: hosts[index].pausedUntil)
    }

    private func freeze(_ index: Int, for duration: Duration) {
        hosts[index].pausedUntil = max(hosts[index].pausedUntil, now.advanced(by: duration))
        events.add(.wake(index, life: hosts[index].life), at: hosts[index].pausedUntil)
    }

    /// For so long the host runs only between waits for the processor of up to ``Fault/starvationPause``, each.
    public func starve(_ index: Int, for duration: Duration) {
        hosts[index].starvedUntil = now.advanced(by: duration)
        impair(index, until: hosts[index].starvedUntil.advanced(by: Fault.starvationPause))
        starveOn(index)
    }

    func starveOn(_ index: Int) {
        guard hosts[index].starvedUntil > now, hosts[index].pausedUntil <= now else { return }
        freeze(index, for: random.duration(in: .milliseconds(1)...Fault.starvationPause))
    }

    private func impair(_ index: Int, until time: Timestamp) {
        hosts[index].impairedUntil = max(hosts[index].impairedUntil ?? time, time)
    }

    /// Without a word, and without a kernel that would answer.
    public func powerOff(_ index: Int) {
        hosts[index].isRunning = false
        hosts[index].isPoweredOff = true
    }

    /// Only these reach each other, and the others each other.
    public func cutOff(_ indices: some Sequence<Int>) {
        for index in hosts.indices { hosts[index].side = 0 }
        for index in indices { hosts[index].side = 1 }
    }

    public func heal() {
        guard hosts.contains(where: { $0.side != 0 }) else { return }
        for index in hosts.indices {
            hosts[index].side = 0
            impair(index, until: now)
        }
    }

    /// The host's monotonic clock leaps ahead, as after a suspend that it counts.
    public func jumpClock(_ index: Int, by duration: Duration) {
        let host = hosts[index]
        host.clockLead = host.clockLead + duration
        rearm(index)
    }

    // MARK: - Again and again

    /// From now on, until ``stopFaults()``.
    public func startFaults(_ faults: [Fault]) {
        self.faults = faults
        areFaultsOn = true
        for (number, fault) in faults.enumerated() {
            guard fault.kind != .partition else {
                schedule(number, victim: 0, isFirst: true)
                continue
            }
            for victim in choose(fault.members.count(of: hosts.count)) {
                schedule(number, victim: victim, isFirst: true)
            }
        }
    }

    /// What is paused, starved, down or cut off comes back at once.
    public func stopFaults() throws(GossipError) {
        areFaultsOn = false
        heal()
        for index in hosts.indices {
            hosts[index].starvedUntil = now
            if hosts[index].pausedUntil > now {
                hosts[index].pausedUntil = now
                events.add(.wake(index, life: hosts[index].life), at: now)
            }
            if hosts[index].impairedUntil ?? now > now { hosts[index].impairedUntil = now }
        }
        for fault in faults where fault.kind == .restart {
            for index in hosts.indices where !hosts[index].isRunning { try bringBack(index) }
        }
    }

    private func choose(_ count: Int) -> [Int] { Array(hosts.indices.shuffled(using: &random).prefix(count)) }

    private func schedule(_ number: Int, victim: Int, isFirst: Bool = false) {
        let interval = faults[number].interval
        let range = isFirst ? .zero...interval : interval / 2...interval * 3 / 2
        events.add(.fault(number, victim: victim), at: now.advanced(by: random.duration(in: range)))
    }

    func begin(_ number: Int, victim: Int) {
        guard areFaultsOn else { return }
        let fault = faults[number]
        let length = random.duration(in: fault.length)
        guard hosts[victim].isRunning || fault.kind == .partition else { return schedule(number, victim: victim) }
        switch fault.kind {
        case .pause: pause(victim, for: length)
        case .starve: starve(victim, for: length)
        case .partition: cutOff(choose(fault.members.count(of: hosts.count)))
        case .restart: powerOff(victim)
        case .kill: return powerOff(victim)
        case .jump: jumpClock(victim, by: length)
        }
        events.add(.faultEnd(number, victim: victim), at: now.advanced(by: length))
    }

    func end(_ number: Int, victim: Int) {
        guard areFaultsOn else { return }
        switch faults[number].kind {
        case .pause, .starve, .jump, .kill: break
        case .partition: heal()
        case .restart: try? bringBack(victim)  // Its configuration was good enough before.
        }
        schedule(number, victim: victim)
    }

    /// Starts a host that is down; it joins by another one that runs.
    private func bringBack(_ index: Int) throws(GossipError) {
        try restart(index, incarnation: UInt32(clamping: 2 + now.nanoseconds / 1_000_000_000))
        let others = hosts.indices.filter { $0 != index && hosts[$0].isRunning }
        if !others.isEmpty { join(index, by: others[Int(random.next() % UInt64(others.count))]) }
    }
}
