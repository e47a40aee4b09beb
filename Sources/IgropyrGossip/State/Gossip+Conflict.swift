internal import IgropyrTime

/// Two hosts with one name: the rest of the cluster decides who keeps it, and where there is none, whoever was asked to
/// let the other in.
extension Gossip {
    /// Between two polls: the other host's claims keep coming.
    private static let pollInterval = Duration.seconds(10)

    /// Where it is, if who has let us in has our name, and nobody else is there.
    func loneNamesake(in reply: Result<StreamMessage, StreamFailure>) -> MemberAddress? {
        guard resolvesNameConflicts, !departure.isUnderway, case .success(let message) = reply,
            case .pushPull(let remote) = message.content
        else { return nil }
        let alive = remote.nodes.filter { $0.state == Node.State.alive.rawValue }
        guard let node = alive.first, alive.count == 1, node.name == name, let ip = node.address,
            !nodes.all.contains(where: { $0.state == .alive && $0.name != name })
        else { return nil }
        let other = MemberAddress(ip, port: node.port == 0 ? address.port : node.port)
        return other == address ? nil : other
    }

    mutating func askWhoOwnsOurName(at now: Timestamp) {
        guard resolvesNameConflicts, !departure.isUnderway, now >= nextConflictPoll else { return }
        nextConflictPoll = now.advanced(by: Self.pollInterval)
        let pending = directives  // `ask` hands out all there are.
        directives = []
        let asked = try? ask(QueryRequest("_serf_conflict", payload: Array(name.utf8)), for: .conflict, at: now)
        directives = pending + (asked?.directives ?? [])
    }

    /// Only members that we know to be alive have a say, so that no packet can vote in the name of many.
    mutating func handleConflictAnswer(_ response: QueryResponseMessage, to id: Query.ID) {
        guard response.from != name, serfMembers[response.from]?.status == .alive else { return }
        do throws(WireError) {
            guard let claimed = try ConflictResponse.address(of: name, in: response.payload ?? []) else { return }
            ownQueries[id]?.claims[claimed, default: 0] += 1
        } catch {
            counters.count(error)
        }
    }

    /// Whoever most of the answers name keeps the name, if it is there: they may speak of us, as we were before our
    /// address changed. Where nobody answers, as with two hosts that joined by a third, both stay.
    mutating func settleConflict(_ query: OwnQuery, at now: Timestamp) {
        let answers = query.claims.values.reduce(0, +)
        let forUs = query.claims[address] ?? 0
        let other = query.claims.filter { $0.key != address }.max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let other, forUs < answers / 2 + 1, !departure.isUnderway else { return }
        let sequence = nextSequence()
        rival = Rival(address: other.key, sequence: sequence, answersUntil: now.advanced(by: settings.probeTimeout))
        send(Ping(sequence: sequence, node: name, source: pingSource).encoded, to: other.key)
    }

    /// The other host with our name answers: it is the one that the others mean.
    mutating func handleRivalAck(_ sequence: UInt32, at now: Timestamp) {
        guard let rival, rival.sequence == sequence else { return }
        self.rival = nil
        guard now <= rival.answersUntil, !departure.isUnderway else { return }
        directives.append(.nameLost(to: rival.address))
    }
}

/// A host that most members know by our name, while we see whether it is there.
struct Rival: Sendable {
    let address: MemberAddress
    let sequence: UInt32
    let answersUntil: Timestamp
}

extension MemberAddress: Comparable {
    /// By their bytes; for an order that does not change from run to run.
    public static func < (left: MemberAddress, right: MemberAddress) -> Bool {
        left.bytes == right.bytes ? left.port < right.port : left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
