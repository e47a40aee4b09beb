internal import IgropyrGossip
internal import IgropyrTime

/// What a core wants done, and what reaches one.
extension Simulation {
    func carryOut(_ directives: [Directive], of index: Int) {
        for directive in directives {
            switch directive {
            case .send(let bytes, let target): send(bytes, from: index, to: target)
            case .openStream(let request): open(request, from: index)
            case .member(let event):
                note(event, at: index)
                keep(directive, of: index)
            case .joinFailed(let address, _):
                keep(directive, of: index)
                guard retriesJoins else { continue }
                events.add(.join(index, life: hosts[index].life, address), at: now.advanced(by: .seconds(1)))
            case .closeLink(let id): closeLink(id, at: index)
            case .userEvent, .userMessage, .userState, .query, .queryAcked, .queryAnswered, .queryFinished, .didJoin,
                .nameConflict, .nameLost, .keysChanged,
                .leaveCompleted:
                keep(directive, of: index)
            }
        }
    }

    private func keep(_ directive: Directive, of index: Int) {
        hasNews = true
        if keepsLogs { hosts[index].log.append(directive) }
    }

    private func note(_ event: MemberEvent, at observer: Int) {
        let subject = indexByName[event.member.name] ?? 0
        record(UInt64(observer) << 32 | UInt64(subject) << 8 | 2)
        if event.kind == .failed, declarations.count < 1_000_000 {
            declarations.append(
                Declaration(
                    time: now, observer: observer, subject: subject, verdict: verdict(on: subject, by: observer)))
        }
        onMemberEvent?(observer, event)
    }

    private func verdict(on subject: Int, by observer: Int) -> Declaration.Verdict {
        let host = hosts[subject]
        guard host.isRunning, max(host.pausedUntil, host.starvedUntil) <= now, isReachable(observer, subject)
        else { return .right }
        guard let impairedUntil = host.impairedUntil else { return .ofHealthy }
        return impairedUntil.duration(to: now) < Declaration.grace ? .right : .ofRecovered
    }

    // MARK: - Arrivals

    func receive(_ arrival: SimulatedHost.Arrival, at index: Int) {
        guard hosts[index].pausedUntil > now else { return handle(arrival, at: index) }
        if case .datagram(let bytes, _) = arrival {
            let charge = bytes.count + Network.datagramChargeBytes
            guard hosts[index].inboxBytes + charge <= network.socketBufferBytes else {
                hosts[index].overflows += 1
                return
            }
            hosts[index].inboxBytes += charge
        }
        hosts[index].inbox.append(arrival)
    }

    private func handle(_ arrival: SimulatedHost.Arrival, at index: Int) {
        switch arrival {
        case .datagram(let bytes, let source):
            record(UInt64(bytes.count) << 40 | UInt64(source) << 24 | UInt64(index) << 8 | 3)
            let host = hosts[index]
            host.traffic.datagramBytesReceived += bytes.count + Network.datagramHeaderBytes
            carryOut(
                host.gossip.handleDatagram(bytes, from: Self.address(source), at: host.localTime(at: now)), of: index)
            rearm(index)
        case .stream(let number): handleStream(number, at: index)
        case .linkEnd(let end): handleLinkEnd(end)
        }
    }

    /// After a pause: what came meanwhile and what was due, in either order, as event loops do.
    func wake(_ index: Int, life: UInt32) {
        guard hosts[index].life == life, hosts[index].isRunning, hosts[index].pausedUntil <= now else { return }
        hosts[index].armedFor = .distantFuture
        let areTimersFirst = random.hits(0.5)
        if areTimersFirst { handleTimeout(of: index) }
        let arrivals = hosts[index].inbox
        hosts[index].inbox = []
        hosts[index].inboxBytes = 0
        for arrival in arrivals { handle(arrival, at: index) }
        if !areTimersFirst { handleTimeout(of: index) }
        starveOn(index)
    }
}
