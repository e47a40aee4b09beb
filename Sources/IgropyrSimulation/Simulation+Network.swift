internal import IgropyrGossip
internal import IgropyrTime

/// Datagrams and TCP connections under way.
extension Simulation {
    func isReachable(_ one: Int, _ other: Int) -> Bool { hosts[one].side == hosts[other].side }

    // MARK: - Datagrams

    func send(_ bytes: [UInt8], from source: Int, to address: MemberAddress) {
        hosts[source].traffic.countDatagramSent(bytes.count)
        guard let target = index(of: address), isReachable(source, target), !random.hits(network.loss) else {
            return
        }
        let copies = random.hits(network.duplication) ? 2 : 1
        for _ in 0..<copies {
            var delay = random.duration(in: network.delay)
            if random.hits(network.reordering) { delay += random.duration(in: .zero...network.delay.upperBound * 10) }
            events.add(
                .datagram(bytes, from: source, to: target, life: hosts[target].life), at: now.advanced(by: delay))
        }
    }

    // MARK: - TCP

    func open(_ request: StreamRequest, from client: Int) {
        guard let server = index(of: request.address) else {
            let reply = hosts[client].gossip.handleReply(
                .failure(.unreachable("no such host")), to: request.id, at: hosts[client].localTime(at: now))
            return carryOut(reply, of: client)
        }
        lastExchange += 1
        exchanges[lastExchange] = Exchange(
            id: request.id, client: client, clientLife: hosts[client].life, server: server,
            serverLife: hosts[server].life, request: request.bytes, staysOpen: request.staysOpen)
        events.add(.exchange(lastExchange), at: now)
        events.add(
            .exchangeDeadline(lastExchange), at: request.deadline.advanced(by: .zero - hosts[client].clockLead))
    }

    /// Sends what is to be sent next, once more if need be.
    func advance(_ number: Int) {
        guard let exchange = exchanges[number] else { return }
        switch exchange.stage {
        case .connecting: connect(exchange, number)
        case .requesting: fly(exchange, number, from: exchange.client, to: exchange.server)
        case .replying: fly(exchange, number, from: exchange.server, to: exchange.client)
        }
    }

    private func connect(_ exchange: Exchange, _ number: Int) {
        var exchange = exchange
        let (client, server) = (exchange.client, exchange.server)
        count(segments: 1, bytes: 8, from: client, to: server)
        guard isReachable(client, server), !hosts[server].isPoweredOff, !random.hits(network.loss),
            !random.hits(network.loss)
        else {
            let pause = Network.connectTimeout * (1 << min(exchange.attempts, 6))
            exchange.attempts += 1
            exchanges[number] = exchange
            return events.add(.exchange(number), at: now.advanced(by: pause))
        }
        let roundTrip = random.duration(in: network.delay) + random.duration(in: network.delay)
        count(segments: 1, bytes: 8, from: server, to: client)
        guard hosts[server].isRunning else {
            exchanges[number] = nil
            return finish(exchange, .failure(.connectionRefused))
        }
        exchange.serverLife = hosts[server].life
        exchange.stage = .requesting
        exchange.attempts = 0
        exchange.segmentsLeft = segmentCount(exchange.request.count)
        count(segments: 1, bytes: 0, from: client, to: server)
        exchanges[number] = exchange
        events.add(.exchange(number), at: now.advanced(by: roundTrip))
    }

    /// The FIN included.
    private func segmentCount(_ bytes: Int) -> Int { (bytes + Network.segmentBytes) / Network.segmentBytes }

    private func fly(_ exchange: Exchange, _ number: Int, from source: Int, to target: Int) {
        var exchange = exchange
        let bytes =
            exchange.attempts == 0 ? (exchange.stage == .requesting ? exchange.request : exchange.reply ?? []) : []
        count(segments: exchange.segmentsLeft, bytes: bytes.count, from: source, to: target)
        count(segments: (exchange.segmentsLeft + 1) / 2, bytes: 0, from: target, to: source)
        switch flight(of: exchange.segmentsLeft, attempts: exchange.attempts, from: source, to: target) {
        case .arrives(let delay): events.add(.streamArrival(number), at: now.advanced(by: delay))
        case .isLost(let segments, let pause):
            exchange.segmentsLeft = segments
            exchange.attempts += 1
            exchanges[number] = exchange
            events.add(.exchange(number), at: now.advanced(by: pause))
        }
    }

    /// Lost segments are sent again: after a round trip if enough of those behind them arrived to tell (RFC 6675), else
    /// after a timeout that doubles.
    private func flight(of segments: Int, attempts: Int, from source: Int, to target: Int) -> Flight {
        let isCut = !isReachable(source, target) || hosts[target].isPoweredOff
        let lost = isCut ? segments : network.loss > 0 ? (0..<segments).count { _ in random.hits(network.loss) } : 0
        let delay = random.duration(in: network.delay)
        guard lost > 0 else {
            var rounds = 0
            var sent = Network.initialWindow
            while sent < segments {
                rounds += 1
                sent += Network.initialWindow << min(rounds, 20)
            }
            return .arrives(after: delay + delay * (2 * rounds))
        }
        let isNoticed = segments - lost > 3
        let timeout = Network.retransmissionTimeout * (1 << min(attempts, 9))
        return .isLost(segments: lost, retriedAfter: isNoticed ? delay * 2 : timeout)
    }

    private func count(segments: Int, bytes: Int, from source: Int, to target: Int) {
        let total = bytes + segments * Network.segmentHeaderBytes
        hosts[source].traffic.streamBytesSent += total
        hosts[target].traffic.streamBytesReceived += total
    }

    // MARK: - Both ends

    /// The kernel has the whole message; the program reads it when it runs.
    func deliver(_ number: Int) {
        guard let exchange = exchanges[number] else { return }
        let isRequest = exchange.stage == .requesting
        let index = isRequest ? exchange.server : exchange.client
        let life = isRequest ? exchange.serverLife : exchange.clientLife
        guard hosts[index].life == life, hosts[index].isRunning else { return }  // Up to the deadline.
        receive(.stream(number), at: index)
    }

    func handleStream(_ number: Int, at index: Int) {
        guard var exchange = exchanges[number] else { return }
        let now = hosts[index].localTime(at: self.now)
        record(UInt64(number) << 24 | UInt64(index) << 8 | 4)
        switch exchange.stage {
        case .connecting: return
        case .requesting:
            let reader = hosts[index].gossip.makeStreamReader(for: .responder)
            let answer = hosts[index].gossip.handleRequest(read(exchange.request, by: reader), at: now)
            exchange.reply = answer.reply
            exchange.serverLink = answer.link
            exchange.stage = .replying
            exchange.attempts = 0
            exchange.segmentsLeft = segmentCount(answer.reply?.count ?? 0)
            exchanges[number] = exchange
            events.add(.exchange(number), at: self.now)
            carryOut(answer.directives, of: index)
            rearm(index)
        case .replying:
            exchanges[number] = nil
            let reader = hosts[index].gossip.makeStreamReader(for: .initiator)
            let reply = exchange.reply.map { read($0, by: reader).mapError(StreamFailure.unreadable) }
            finish(exchange, reply ?? .failure(.closedWithoutReply))
        }
    }

    func expire(_ number: Int) {
        guard let exchange = exchanges.removeValue(forKey: number) else { return }
        finish(exchange, .failure(.timedOut))
    }

    private func finish(_ exchange: Exchange, _ reply: Result<StreamMessage, StreamFailure>) {
        let index = exchange.client
        let server = exchange.serverLink.map {
            SimulatedLink.End(host: exchange.server, life: exchange.serverLife, id: $0)
        }
        guard hosts[index].life == exchange.clientLife, hosts[index].isRunning else {
            return tellEnd(to: server, by: index)
        }
        carryOut(
            hosts[index].gossip.handleReply(reply, to: exchange.id, at: hosts[index].localTime(at: now)), of: index)
        rearm(index)
        if exchange.staysOpen, case .success = reply {
            open(SimulatedLink.End(host: index, life: exchange.clientLife, id: exchange.id), server)
        } else {
            tellEnd(to: server, by: index)
        }
    }

    private func tellEnd(to server: SimulatedLink.End?, by client: Int) {
        if let server { tellEnd(to: server, from: client) }
    }

    private func read(_ bytes: [UInt8], by reader: StreamReader) -> Result<StreamMessage, WireError> {
        var reader = reader
        do throws(WireError) {
            guard let message = try reader.read(bytes) else { throw .truncated(missing: 1) }
            return .success(message)
        } catch {
            return .failure(error)
        }
    }
}
