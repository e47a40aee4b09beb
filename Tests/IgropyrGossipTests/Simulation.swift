import IgropyrTime

@testable import IgropyrGossip

/// A cluster in memory, in virtual time: what a seed does once, it does always.
final class Simulation {
    struct Host {
        var gossip: Gossip
        var isRunning = true
        /// Frozen until then: nothing is handled, what arrives waits.
        var pausedUntil = Timestamp.zero
        /// Everything that the host's core reported, in order.
        var log: [Directive] = []
    }

    private enum Arrival {
        case datagram([UInt8], from: MemberAddress)
        case request([UInt8], id: StreamID, from: Int, deadline: Timestamp)
        case reply(Result<[UInt8], StreamFailure>, id: StreamID)
    }

    private(set) var hosts: [Host] = []
    private(set) var now = Timestamp.zero
    private var inFlight: [(at: Timestamp, to: Int, arrival: Arrival)] = []  // By time.
    private var random: Seeded
    /// Of datagrams.
    var lossPercent = 0
    var settings = GossipSettings.lan
    var keys: [[UInt8]] = []

    init(seed: UInt64) { random = Seeded(seed) }

    static func address(_ index: Int) -> MemberAddress {
        MemberAddress(ipv4: 10, 0, 0, UInt8(index + 1), port: 7946)
    }

    // MARK: - Hosts

    @discardableResult
    func start(_ name: String, tags: [String: String] = [:]) throws -> Int {
        hosts.append(Host(gossip: try makeGossip(name, index: hosts.count, tags: tags)))
        return hosts.count - 1
    }

    private func makeGossip(
        _ name: String, index: Int, incarnation: UInt32 = 1, tags: [String: String]
    ) throws -> Gossip {
        var configuration = GossipConfiguration(name: name, address: Self.address(index))
        configuration.incarnation = incarnation
        configuration.settings = settings
        configuration.tags = tags
        configuration.keys = keys
        return try Gossip(configuration, at: now, using: Seeded(random.next()))
    }

    /// Starts `count` hosts named a, b, …; each joins the one before.
    func startCluster(_ count: Int) throws {
        for index in 0..<count {
            try start(String(UnicodeScalar(UInt8(97 + index))))
            if index > 0 { command(index) { $0.join([Self.address(index - 1)], at: $1) } }
        }
    }

    func kill(_ index: Int) { hosts[index].isRunning = false }

    func pause(_ index: Int, for duration: Duration) { hosts[index].pausedUntil = now.advanced(by: duration) }

    /// The same name and address, nothing remembered.
    func restart(_ index: Int, incarnation: UInt32 = 1, tags: [String: String] = [:]) throws {
        let name = hosts[index].gossip.name
        hosts[index] = Host(gossip: try makeGossip(name, index: index, incarnation: incarnation, tags: tags))
    }

    func command(_ index: Int, _ body: (inout Gossip, Timestamp) throws -> [Directive]) rethrows {
        carryOut(try body(&hosts[index].gossip, now), of: index)
    }

    func status(of name: String, at index: Int) -> Member.Status? { hosts[index].gossip.member(named: name)?.status }

    func events(at index: Int) -> [MemberEvent] {
        hosts[index].log.compactMap { if case .member(let event) = $0 { event } else { nil } }
    }

    // MARK: - Time

    /// Runs until `isDone` or for `limit`. Returns whether it is done.
    func run(for limit: Duration, until isDone: (Simulation) -> Bool = { _ in false }) -> Bool {
        let end = now.advanced(by: limit)
        while !isDone(self) {
            let next = nextTime()
            guard next <= end else {
                now = end
                return isDone(self)
            }
            now = max(now, next)
            deliverDue()
            for index in hosts.indices where isAwake(index) && hosts[index].gossip.deadline <= now {
                carryOut(hosts[index].gossip.handleTimeout(at: now), of: index)
            }
        }
        return true
    }

    private func isAwake(_ index: Int) -> Bool { hosts[index].isRunning && hosts[index].pausedUntil <= now }

    private func nextTime() -> Timestamp {
        var next = Timestamp.distantFuture
        for host in hosts where host.isRunning { next = min(next, max(host.gossip.deadline, host.pausedUntil)) }
        for message in inFlight { next = min(next, max(message.at, hosts[message.to].pausedUntil)) }
        return next
    }

    private func deliverDue() {
        let due = inFlight.filter { $0.at <= now && hosts[$0.to].pausedUntil <= now }
        inFlight.removeAll { $0.at <= now && hosts[$0.to].pausedUntil <= now }
        for message in due { deliver(message.arrival, to: message.to) }
    }

    private func deliver(_ arrival: Arrival, to index: Int) {
        switch arrival {
        case .datagram(let bytes, let source):
            guard hosts[index].isRunning else { return }
            carryOut(hosts[index].gossip.handleDatagram(bytes, from: source, at: now), of: index)
        case .request(let bytes, let id, let client, let deadline):
            guard hosts[index].isRunning else {
                return send(.reply(.failure(.timedOut), id: id), to: client, at: deadline)
            }
            let answer = hosts[index].gossip.handleRequest(
                read(bytes, by: hosts[index].gossip, .responder), at: now)
            carryOut(answer.directives, of: index)
            let reply = answer.reply.map { Result<[UInt8], StreamFailure>.success($0) }
            send(.reply(reply ?? .failure(.closedWithoutReply), id: id), to: client, at: arrivalTime())
        case .reply(let reply, let id):
            guard hosts[index].isRunning else { return }
            let gossip = hosts[index].gossip
            let message = reply.flatMap { read($0, by: gossip, .initiator).mapError(StreamFailure.unreadable) }
            carryOut(hosts[index].gossip.handleReply(message, to: id, at: now), of: index)
        }
    }

    private func read(
        _ bytes: [UInt8], by gossip: Gossip, _ role: StreamReader.Role
    ) -> Result<StreamMessage, WireError> {
        var reader = gossip.makeStreamReader(for: role)
        do throws(WireError) {
            guard let message = try reader.read(bytes) else { throw .truncated(missing: 1) }
            return .success(message)
        } catch {
            return .failure(error)
        }
    }

    // MARK: - The network

    private func carryOut(_ directives: [Directive], of index: Int) {
        hosts[index].log += directives
        for directive in directives {
            switch directive {
            case .send(let bytes, let target):
                guard let host = self.index(of: target), Int.random(in: 0..<100, using: &random) >= lossPercent
                else { continue }
                send(.datagram(bytes, from: Self.address(index)), to: host, at: arrivalTime())
            case .openStream(let request):
                if let host = self.index(of: request.address) {
                    let arrival = Arrival.request(
                        request.bytes, id: request.id, from: index, deadline: request.deadline)
                    send(arrival, to: host, at: arrivalTime())
                } else {
                    send(.reply(.failure(.unreachable("no such host")), id: request.id), to: index, at: now)
                }
            case .member, .userEvent, .userMessage, .userState, .query, .queryAcked, .queryAnswered, .queryFinished,
                .didJoin, .joinFailed, .nameConflict, .nameLost, .keysChanged, .leaveCompleted, .closeLink:
                break
            }
        }
    }

    private func index(of address: MemberAddress) -> Int? {
        hosts.indices.first { Self.address($0) == address }
    }

    private func arrivalTime() -> Timestamp {
        now.advanced(by: .microseconds(Int.random(in: 100...5_000, using: &random)))
    }

    private func send(_ arrival: Arrival, to index: Int, at time: Timestamp) {
        inFlight.append((time, index, arrival))
        inFlight.sort { $0.at < $1.at }
    }
}
