public import IgropyrTime

extension Gossip {
    /// `source`: Where the datagram came from; the answer to a ping without a return address goes there.
    public mutating func handleDatagram(
        _ datagram: [UInt8], from source: MemberAddress, at now: Timestamp
    ) -> [Directive] {
        counters.datagramsReceived += 1
        do throws(WireError) {
            let packet = Packet.decode(try envelope.openPacket(datagram))
            for message in packet.messages { handle(message, from: source, at: now) }
            for error in packet.errors { counters.count(error) }
        } catch {
            counters.count(error)
        }
        return takeDirectives(at: now)
    }

    private mutating func handle(_ message: PacketMessage, from source: MemberAddress, at now: Timestamp) {
        switch message {
        case .ping(let ping): handlePing(ping, from: source, at: now)
        case .indirectPing(let ping): handleIndirectPing(ping, from: source, at: now)
        case .ack(let ack):
            if delegate.isSerf { learnCoordinate(from: ack, at: now) }
            handleRivalAck(ack.sequence, at: now)
            handleAck(ack.sequence, at: now)
        case .nack(let nack): handleNack(nack.sequence)
        case .alive(let alive): handleAlive(alive, at: now)
        case .suspect(let accusation): handleSuspect(accusation, at: now)
        case .dead(let accusation): handleDeathClaim(accusation, at: now)
        case .user(let bytes): handleUser(bytes, at: now)
        }
    }

    // MARK: - Pings of others

    private mutating func handlePing(_ ping: Ping, from source: MemberAddress, at now: Timestamp) {
        guard ping.node.isEmpty || ping.node == name else {
            counters.pingsForOthers += 1
            return
        }
        let ack = Ack(sequence: ping.sequence, payload: ackPayload())
        // The numbers of a coordinate do not get any smaller.
        send(ack.encoded, to: ping.source.memberAddress ?? source, isCompressible: false)
    }

    private mutating func handleIndirectPing(_ request: IndirectPing, from source: MemberAddress, at now: Timestamp) {
        guard let ip = request.target else {
            counters.malformed += 1
            return
        }
        let target = MemberAddress(ip, port: request.port == 0 ? address.port : request.port)
        guard forwardedPings.count < settings.tableLimit else {
            counters.tableOverflows += 1
            return
        }
        let sequence = nextSequence()
        forwardedPings[sequence] = ForwardedPing(
            requester: request.source.memberAddress ?? source, requesterSequence: request.sequence,
            wantsNack: request.wantsNack, nackTime: now.advanced(by: probeTimeout),
            end: now.advanced(by: settings.probeTimeout))
        send(Ping(sequence: sequence, node: request.node, source: pingSource).encoded, to: target)
    }

    mutating func expireForwardedPings(at now: Timestamp) {
        guard !forwardedPings.isEmpty else { return }
        let due = forwardedPings.filter { $0.value.deadline <= now }.sorted { $0.key < $1.key }
        for (sequence, ping) in due {
            if ping.wantsNack { send(Nack(sequence: ping.requesterSequence).encoded, to: ping.requester) }
            forwardedPings[sequence]?.wantsNack = false
            if ping.end <= now { forwardedPings[sequence] = nil }
        }
    }

    // MARK: - Answers

    /// Whoever sent it: only the number counts.
    mutating func handleAck(_ sequence: UInt32, at now: Timestamp) {
        if let probe, probe.sequence == sequence {
            self.probe = nil
            health.apply(-1)
            counters.probesSucceeded += 1
            guard settings.smallCluster != nil else { return }
            lossBook.note(isAnswered: true, by: probe.node)
            lossBook.noteHeard(probe.node, at: now)
        } else if handleVerificationAck(sequence, at: now) || handleRevivalAck(sequence, at: now) {
            return
        } else if let ping = forwardedPings.removeValue(forKey: sequence) {
            send(Ack(sequence: ping.requesterSequence).encoded, to: ping.requester)
        } else {
            counters.unexpectedAcks += 1
        }
    }

    private mutating func handleNack(_ sequence: UInt32) {
        guard probe?.sequence == sequence else { return handleVerificationNack(sequence) }
        probe?.nacksReceived += 1
    }

    mutating func nextSequence() -> UInt32 {
        lastSequence &+= 1
        return lastSequence
    }

    var pingSource: PingSource { PingSource(address: address.ip, port: address.port, node: name) }
}
