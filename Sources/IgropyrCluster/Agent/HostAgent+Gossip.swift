internal import FoundationEssentials
internal import IgropyrGossip
internal import IgropyrMembership
internal import Logging

/// What the control API asks of the gossip.
extension HostAgent {
    func members(_ parts: Parts) async -> MembersReport {
        MembersReport(host: name.rawValue, members: await memberList(parts))
    }

    private func memberList(_ parts: Parts) async -> [MembersReport.Member] {
        let coordinates = await parts.membership.coordinates
        return await parts.membership.members.map { MembersReport.Member($0, from: name.rawValue, coordinates) }
    }

    func coordinates(_ parts: Parts) async -> CoordinatesReport {
        let coordinates = await parts.membership.coordinates
        let roundTrips = coordinates.map { name, own in
            (name, coordinates.filter { $0.key != name }.mapValues { own.roundTrip(to: $0).inMilliseconds })
        }
        return CoordinatesReport(host: name.rawValue, roundTrips: Dictionary(uniqueKeysWithValues: roundTrips))
    }

    func send(_ event: EventMessage, _ parts: Parts) async -> ControlReply {
        guard !event.name.hasPrefix(ControlAPI.reservedPrefix) else {
            return .refusal(422, "events whose names begin with \(ControlAPI.reservedPrefix) are the nodes' own")
        }
        return await carryingOut {
            try await parts.membership.sendUserEvent(
                event.name, payload: Array(event.payload), canCoalesce: event.coalesces)
        }
    }

    func forceLeave(_ message: ForceLeaveMessage, by caller: Caller, _ parts: Parts) async -> ControlReply {
        guard message.name != name.rawValue else {
            return .refusal(422, "\(name) is this node itself: igropyr leave has it leave")
        }
        guard let member = await parts.membership.member(named: message.name) else {
            let names = await parts.membership.members.map(\.name).filter { $0 != name.rawValue }
            let others = names.isEmpty ? "there is no other member" : "the others are: \(names.joined(separator: ", "))"
            return .refusal(404, "there is no member called \"\(message.name)\"; \(others)")
        }
        guard member.status != .alive else {
            return .refusal(
                409, "\(message.name) is alive, and would say so: run igropyr leave for it, or stop it first")
        }
        return await carryingOut {
            try await parts.membership.forceLeave(message.name, isPruning: message.isPruning)
            let detail = message.isPruning ? "\(message.name), forgotten" : message.name
            await note(.forceLeave, by: caller, nil, nil, detail: detail, parts)
        }
    }

    /// Leaves soon; the answer goes out first.
    func leave() -> ControlReply {
        guard isRunning else { return .refusal(503, "the node \(name) is stopping already") }
        configuration.logger.notice("asked to leave by the control API")
        Task(executorPreference: loop) { await self.stop() }
        return .json(DoneMessage())
    }

    private func carryingOut(_ action: () async throws -> Void) async -> ControlReply {
        do {
            try await action()
            return .json(DoneMessage())
        } catch let error as MembershipError {
            return .refusal(error.code == .notRunning ? 503 : 422, error.description)
        } catch { return .refusal(500, "\(error)") }
    }

    // MARK: - Streams

    func lines(for operation: ControlOperation.Stream, _ body: [UInt8], by caller: Caller) async -> ControlAnswer {
        guard let parts, isRunning else {
            return .reply(refusalWithoutParts)
        }
        do {
            switch operation {
            case .events: return await eventLines(parts)
            case .query: return try await queryLines(try message(in: body), parts)
            case .keys: return try await keyLines(try message(in: body), by: caller, parts)
            case .logs: return try await logLines(try message(in: body), parts)
            case .exec: return try await execLines(try message(in: body), by: caller, parts)
            case .topics:
                let request: TopicsRequest = try message(in: body)
                return ControlAnswer(
                    await parts.topics.hub.listen(to: request.application, as: .node, after: request.after))
            }
        } catch let refusal as ControlReply {
            return .reply(refusal)
        } catch let error as MembershipError {
            return .reply(.refusal(error.code == .notRunning ? 503 : 422, error.description))
        } catch { return .reply(.refusal(500, "\(error)")) }
    }

    private func eventLines(_ parts: Parts) async -> ControlAnswer {
        let events = await parts.membership.events()  // Before the list, so that nothing is lost in between.
        let first = EventLine.started(host: name.rawValue, members: await memberList(parts))
        let host = name.rawValue
        return .lines(
            first: JSON.line(first), rest: events.compactMap { EventLine($0, from: host).map(JSON.line) }, last: nil)
    }

    private func queryLines(_ question: QuestionMessage, _ parts: Parts) async throws -> ControlAnswer {
        let timeout = try duration(question.timeout)
        let query: RunningQuery
        if let name = question.name {
            var request = QueryRequest(name, payload: Array(question.payload))
            request.names = question.members
            request.tags = question.tags
            request.relayFactor = question.relayFactor
            request.timeout = timeout
            query = try await parts.membership.query(request)
        } else {
            query = try await parts.membership.pingAll(relayFactor: question.relayFactor, timeout: timeout)
        }
        return .lines(
            first: JSON.line(ReplyLine.asked(members: query.asked)),
            rest: query.replies.map { JSON.line(ReplyLine($0)) }, last: JSON.line(ReplyLine.finished))
    }

    private func keyLines(
        _ message: KeysMessage, by caller: Caller, _ parts: Parts
    ) async throws -> ControlAnswer {
        let key = message.action == .list ? nil : try key(message)
        let operation = Self.operation(message.action, key)
        let query = try await parts.membership.changeKeys(operation, timeout: try duration(message.timeout))
        if let key {
            await note(.keys, by: caller, nil, nil, detail: "\(message.action.rawValue) \(key.fingerprint)", parts)
        }
        let answers = query.replies.map { reply in
            switch reply {
            case .ack: JSON.line(ReplyLine(reply))
            case .answer(let member, let payload):
                JSON.line(ReplyLine.keys(member: member, outcome: KeyOutcome(payload: payload)))
            }
        }
        return .lines(
            first: JSON.line(ReplyLine.asked(members: query.asked)), rest: answers, last: JSON.line(ReplyLine.finished))
    }

    private static func operation(_ action: KeysMessage.Action, _ key: ClusterKey?) -> KeyOperation {
        guard let key else { return .list }
        return switch action {
        case .add: .install(key.bytes)
        case .use: .use(key.bytes)
        case .remove: .remove(key.bytes)
        case .list: .list
        }
    }

    private func key(_ message: KeysMessage) throws -> ClusterKey {
        if let key = message.key.flatMap({ ClusterKey(bytes: Array($0)) }) { return key }
        let start = message.fingerprint ?? ""
        let matching = keys.known.filter { !start.isEmpty && $0.fingerprint.hasPrefix(start) }
        guard matching.count == 1 else {
            throw ControlReply.refusal(
                404,
                "no key of this node, or more than one, has a fingerprint that begins with \"\(start)\"; it has "
                    + keys.present.map(\.fingerprint).joined(separator: ", "))
        }
        return matching[0]
    }

    private func duration(_ seconds: Double?) throws -> Duration? {
        guard let seconds else { return nil }
        guard seconds > 0, seconds <= 600 else {
            throw ControlReply.refusal(422, "a query's time-out is above 0 and at most 600 seconds")
        }
        return .seconds(seconds)
    }
}

extension Duration {
    fileprivate var inMilliseconds: Double { self / .milliseconds(1) }
}

extension MembersReport.Member {
    fileprivate init(_ member: Member, from host: String, _ coordinates: [String: NetworkCoordinate]) {
        self.init(
            name: member.name, address: "\(member.address)", status: .init(member.status), role: .init(member),
            tags: member.tags)
        if member.name != host, let here = coordinates[host], let there = coordinates[member.name] {
            roundTrip = here.roundTrip(to: there).inMilliseconds
        }
    }
}

extension EventLine {
    /// Nil for what only nodes tell each other.
    fileprivate init?(_ event: MembershipEvent, from host: String) {
        switch event {
        case .member(let event):
            self = .member(change: "\(event.kind)", member: MembersReport.Member(event.member, from: host, [:]))
        case .userEvent(let event):
            guard !event.name.hasPrefix(ControlAPI.reservedPrefix) else { return nil }
            self = .userEvent(name: event.name, payload: Data(event.payload), time: event.time)
        case .query(let query): self = .query(name: query.name, payload: Data(query.payload), source: query.source)
        case .joined(let seed): self = .joined(seed: "\(seed)")
        case .joinFailed(let seed, let reason, _): self = .joinFailed(seed: "\(seed)", reason: reason)
        case .nameConflict(let name, let address), .nameLost(let name, let address):
            self = .nameConflict(name: name, address: "\(address)")
        case .userMessage, .userState: return nil  // A node has Serf.
        case .keysChanged(let keys): self = .keysChanged(count: keys.count)
        case .lagged: self = .lagged
        }
    }
}

extension ReplyLine {
    fileprivate init(_ reply: QueryReply) {
        switch reply {
        case .ack(let member): self = .acked(member: member)
        case .answer(let member, let payload): self = .answered(member: member, payload: Data(payload))
        }
    }
}

extension KeyOutcome {
    fileprivate init(payload: [UInt8]) {
        guard let response = try? KeyResponse(payload: payload) else {
            self.init(isDone: false, message: "it gave an answer that makes no sense", fingerprints: [])
            return
        }
        var keys = response.keys ?? []
        if let index = keys.firstIndex(of: response.primaryKey) { keys.insert(keys.remove(at: index), at: 0) }
        self.init(
            isDone: response.isSuccess, message: response.message,
            fingerprints: keys.compactMap { ClusterKey(base64: $0)?.fingerprint })
    }
}
