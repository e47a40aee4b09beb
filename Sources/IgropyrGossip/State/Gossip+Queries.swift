public import IgropyrTime

/// Queries of others: passed on, acknowledged, answered.
extension Gossip {
    static let queryLimitBytes = 1_024
    /// A longer timeout counts as this one, so that nobody can fill the table of open queries for good.
    private static let longestQuery = Duration.seconds(600)

    /// Returns whether it is news, to be passed on.
    /// Throws if it must not be passed on because the reference would crash on it.
    mutating func handleQuery(_ query: QueryMessage, at now: Timestamp) throws(WireError) -> Bool {
        let keyRequest = KeyCommand(query.name) == nil ? nil : try KeyRequest(payload: query.payload)
        guard witness(query.time, on: \.queryClock) else { return false }
        guard !isTooOld(query.time, for: queryClock) else {
            counters.staleEvents += 1
            return false
        }
        switch queries.add(query.id, at: query.time) {
        case .new: break
        case .known: return false
        case .full:
            counters.tableOverflows += 1
            return false
        }
        let isForUs = (query.filters ?? []).allSatisfy {
            QueryFilter.matches($0, name: name, tags: serfMembers[name]?.tags ?? [:])
        }
        if isForUs, let asker = MemberAddress(bytes: query.address, port: query.port), asker.port > 0 {
            answer(query, from: asker, keyRequest: keyRequest, at: now)
        }
        return query.flags & QueryMessage.isNotForwarded == 0
    }

    private mutating func answer(
        _ query: QueryMessage, from asker: MemberAddress, keyRequest: KeyRequest?, at now: Timestamp
    ) {
        let id = Query.ID(time: query.time, number: query.id)
        let timeout = min(Self.longestQuery, .nanoseconds(Int64(clamping: query.timeoutNanoseconds)))
        let received = ReceivedQuery(
            address: asker, relayFactor: Int(query.relayFactor), sourceNode: query.sourceNode,
            deadline: now.advanced(by: timeout))
        if query.flags & QueryMessage.wantsAck != 0 {
            respond(
                QueryResponseMessage(time: id.time, id: id.number, from: name, flags: QueryMessage.isAck), to: received,
                at: now)
        }
        if query.name.hasPrefix(QueryRequest.reservedPrefix) {
            guard let payload = internalAnswer(to: query, keyRequest: keyRequest) else { return }
            respond(
                QueryResponseMessage(time: id.time, id: id.number, from: name, payload: payload), to: received, at: now)
            return
        }
        guard receivedQueries.count < settings.tableLimit else {
            counters.tableOverflows += 1
            return
        }
        receivedQueries[id] = received
        directives.append(
            .query(
                Query(
                    id: id, name: query.name, payload: query.payload ?? [], source: query.sourceNode,
                    deadline: received.deadline)))
    }

    /// Answers a query, once.
    public mutating func respond(
        to id: Query.ID, with payload: [UInt8], at now: Timestamp
    ) throws(GossipError) -> [Directive] {
        guard let query = receivedQueries[id], query.deadline > now else { throw .noSuchQuery }
        let response = QueryResponseMessage(time: id.time, id: id.number, from: name, payload: payload)
        guard response.encoded.count <= Self.queryLimitBytes else {
            throw .responseTooLarge(limitBytes: Self.queryLimitBytes)
        }
        receivedQueries[id] = nil
        respond(response, to: query, at: now)
        return takeDirectives(at: now)
    }

    private mutating func respond(_ response: QueryResponseMessage, to query: ReceivedQuery, at now: Timestamp) {
        guard query.address != address else { return handleResponse(response, at: now) }
        let message = response.encoded
        sendUser(message, to: query.address)
        relay(message, for: query)
    }

    /// Sends an answer by other members as well, as the asker wished.
    private mutating func relay(_ message: [UInt8], for query: ReceivedQuery) {
        guard query.relayFactor > 0, serfMembers.count >= query.relayFactor + 1 else { return }
        let relayed = RelayMessage(
            address: query.address.bytes, port: query.address.port, node: query.sourceNode, message: message
        ).encoded
        guard relayed.count <= Self.queryLimitBytes else { return }
        let peers = nodes.sample(query.relayFactor, using: &random) { [name] peer in
            peer.state == .alive && peer.name != name && peer.versions.protocolMaximum >= 5
        }
        for peer in peers { sendUser(relayed, to: peer.address) }
    }

    /// Passes an answer on, only to members and only what reads as one.
    mutating func handleRelay(_ relay: RelayMessage) throws(WireError) {
        guard relay.message.first == SerfMessageType.queryResponse.rawValue,
            let target = MemberAddress(bytes: relay.address, port: relay.port),
            serfMembers.all.contains(where: { $0.address == target })
        else {
            counters.refusedRelays += 1
            return
        }
        var reader = MessagePackReader(relay.message, from: 1)
        _ = try QueryResponseMessage(from: &reader)
        sendUser(relay.message, to: target)
    }

    // MARK: - Our own

    /// Asks every member, or those named; see ``query(_:at:)``.
    public mutating func query(
        _ name: String, payload: [UInt8] = [], to names: [String]? = nil, timeout: Duration? = nil, at now: Timestamp
    ) throws(GossipError) -> SentQuery {
        var request = QueryRequest(name, payload: payload)
        request.names = names
        request.timeout = timeout
        return try query(request, at: now)
    }

    /// Asks. Answers come as directives, until ``Directive/queryFinished(_:)`` or ``cancelQuery(_:)``.
    public mutating func query(_ request: QueryRequest, at now: Timestamp) throws(GossipError) -> SentQuery {
        guard !request.name.hasPrefix(QueryRequest.reservedPrefix) else { throw .reservedName(request.name) }
        return try ask(request, for: .application, at: now)
    }

    /// Asks everybody for an ack, and no more: who is reachable.
    public mutating func pingAll(
        relayFactor: Int = 0, timeout: Duration? = nil, at now: Timestamp
    ) throws(GossipError) -> SentQuery {
        var request = QueryRequest("_serf_ping")
        request.relayFactor = relayFactor
        request.timeout = timeout
        return try ask(request, for: .application, at: now)
    }

    /// Asks everybody to change its keys, ourselves included. The answers are ``KeyResponse``s.
    public mutating func changeKeys(
        _ operation: KeyOperation, relayFactor: Int = 0, timeout: Duration? = nil, at now: Timestamp
    ) throws(GossipError) -> SentQuery {
        guard !envelope.keyring.isEmpty else { throw .notEncrypted }
        let (command, key) = operation.request
        guard operation == .list || Keyring.isKey(key) else { throw .invalidKey }
        var request = QueryRequest(command.rawValue, payload: KeyRequest(key: key).encoded)
        request.relayFactor = relayFactor
        request.timeout = timeout
        return try ask(request, for: .application, at: now)
    }

    /// No further answer is wanted.
    public mutating func cancelQuery(_ id: Query.ID) { ownQueries[id] = nil }

    mutating func ask(
        _ request: QueryRequest, for purpose: OwnQuery.Purpose, at now: Timestamp
    ) throws(GossipError) -> SentQuery {
        try requireSerf()
        guard !departure.isUnderway else { throw .leaving }
        let timeout = min(Self.longestQuery, request.timeout ?? defaultQueryTimeout)
        let message = QueryMessage(
            time: queryClock.time, id: UInt32.random(in: 0...0x7FFF_FFFF, using: &random), address: address.bytes,
            port: address.port, sourceNode: name, filters: request.filters, flags: QueryMessage.wantsAck,
            relayFactor: UInt8(clamping: request.relayFactor),
            timeoutNanoseconds: UInt64(clamping: timeout.nanosecondsClamped), name: request.name,
            payload: request.payload)
        let bytes = message.encoded
        guard bytes.count <= min(Self.queryLimitBytes, broadcastLimitBytes), ownQueries.count < settings.tableLimit,
            (message.filters ?? []).count <= QueryMessage.filterLimit
        else { throw .queryTooLarge(limitBytes: Self.queryLimitBytes) }
        let id = Query.ID(time: message.time, number: message.id)
        let asked = alive(matching: message.filters ?? [])
        ownQueries[id] = OwnQuery(purpose: purpose, deadline: now.advanced(by: timeout))
        if (try? handleQuery(message, at: now)) == true { announce(bytes, in: \.queryBroadcasts) }
        return SentQuery(id: id, asked: asked, directives: takeDirectives(at: now))
    }

    private func alive(matching filters: [[UInt8]]) -> [String] {
        serfMembers.all.filter { member in
            member.status == .alive
                && filters.allSatisfy { QueryFilter.matches($0, name: member.name, tags: member.tags) }
        }.map(\.name)
    }

    private var defaultQueryTimeout: Duration {
        let alive = serfMembers.all.count { $0.status == .alive }
        return settings.gossipInterval * (settings.queryTimeoutMultiplier * Logarithm.decimalCeiling(alive + 1))
    }

    mutating func handleResponse(_ response: QueryResponseMessage, at now: Timestamp) {
        let id = Query.ID(time: response.time, number: response.id)
        guard let query = ownQueries[id], query.deadline > now, query.answered.count < settings.memberLimit,
            query.acked.count < settings.memberLimit
        else { return }
        if response.flags & QueryMessage.isAck != 0 {
            guard ownQueries[id]?.acked.insert(response.from).inserted == true else { return }
            if query.purpose == .application { directives.append(.queryAcked(id, by: response.from)) }
        } else {
            guard ownQueries[id]?.answered.insert(response.from).inserted == true else { return }
            switch query.purpose {
            case .application:
                directives.append(.queryAnswered(id, by: response.from, payload: response.payload ?? []))
            case .conflict: handleConflictAnswer(response, to: id)
            }
        }
    }

    mutating func finishQueries(at now: Timestamp) {
        guard !ownQueries.isEmpty else { return }
        let due = ownQueries.filter { $0.value.deadline <= now }.keys
        for id in due.sorted(by: { ($0.time, $0.number) < ($1.time, $1.number) }) {
            guard let query = ownQueries.removeValue(forKey: id) else { continue }
            switch query.purpose {
            case .application: directives.append(.queryFinished(id))
            case .conflict: settleConflict(query, at: now)
            }
        }
    }
}
