internal import IgropyrGossip
internal import IgropyrUV
internal import Logging

/// What comes in, and what the core wants done.
extension Membership {
    func receive(_ datagram: [UInt8], from source: SocketAddress) {
        perform { core, now in core.handleDatagram(datagram, from: MemberAddress(source), at: now) }
    }

    func accept(_ stream: TCPStream) {
        let peerAddress = stream.peerAddress
        let source = peerAddress.map { Self.holder(of: $0, among: members.map(\.address)) }
        guard let core, let wheel, hasRoom(for: source) else {
            refusedStreams += 1
            return stream.close()
        }
        let exchange = InboundExchange(
            stream, from: source, reader: core.makeStreamReader(for: .responder),
            timeout: configuration.settings.streamTimeout, wheel: wheel,
            onRequest: { exchange, request in self.answer(request, over: exchange) },
            onClose: { exchange in self.forget(exchange) })
        inbound[ObjectIdentifier(exchange)] = exchange
    }

    /// Whoever reaches the port may open connections and say nothing: so half of all are the most for one source.
    private func hasRoom(for source: SocketAddress.Host?) -> Bool {
        let limit = configuration.inboundStreamLimit
        guard inbound.count < limit else { return false }
        guard inbound.count >= limit / 2 else { return true }
        return inbound.values.count { $0.source == source } < max(1, limit / 2)
    }

    /// Whom to count its connections with: the owner of its network, but a member alone, as a whole cluster may share
    /// one.
    static func holder(of address: SocketAddress, among members: [MemberAddress]) -> SocketAddress.Host {
        let bytes = MemberAddress(address).bytes
        return members.contains { $0.unmapped.bytes == bytes } ? address.host : address.host.holder
    }

    private func forget(_ exchange: InboundExchange) {
        guard inbound.removeValue(forKey: ObjectIdentifier(exchange)) == nil,
            let link = inboundLinks.first(where: { $0.value === exchange })?.key
        else { return }
        linkDidClose(link)
    }

    private func linkDidClose(_ id: StreamID) {
        inboundLinks[id] = nil
        outbound[id] = nil
        perform { core, now in core.handleLinkClosed(id, at: now) }
    }

    private func closeLink(_ id: StreamID) {
        inboundLinks.removeValue(forKey: id)?.close()
        outbound.removeValue(forKey: id)?.close()
    }

    private func answer(_ request: InboundExchange.Request, over exchange: InboundExchange) -> InboundExchange.Answer {
        if case .failure(let error) = request { logBrokenRequest(error) }
        var reply: [UInt8]?
        var link: StreamID?
        perform { core, now in
            let answer = core.handleRequest(request, at: now)
            (reply, link) = (answer.reply, answer.link)
            return answer.directives
        }
        guard let reply else { return .close }
        guard let link else { return .reply(reply) }
        inbound[ObjectIdentifier(exchange)] = nil
        inboundLinks[link] = exchange
        return .link(reply)
    }

    /// Ever more seldom: nobody shall fill the disk with log lines.
    private func logBrokenRequest(_ error: WireError) {
        refusedRequests += 1
        guard refusedRequests.nonzeroBitCount == 1 else { return }
        configuration.logger.notice(
            "refused a connection: not a member, or its key is not ours",
            metadata: ["reason": "\(error)", "count": "\(refusedRequests)"])
    }

    func carryOut(_ directive: Directive) {
        switch directive {
        case .send(let bytes, let address): sockets?.datagrams.send(bytes, to: socketAddress(of: address))
        case .openStream(let request): open(request)
        case .closeLink(let id): closeLink(id)
        case .member(let event):
            configuration.logger.info(
                "member changed",
                metadata: [
                    "change": "\(event.kind)", "member": "\(event.member.name)", "address": "\(event.member.address)",
                ])
            note(event)
            subscribers.yield(.member(event))
        case .userEvent(let event): subscribers.yield(.userEvent(event))
        case .userMessage(let bytes): subscribers.yield(.userMessage(bytes))
        case .userState(let bytes, let isJoin): subscribers.yield(.userState(bytes, isJoin: isJoin))
        case .query(let query): subscribers.yield(.query(query))
        case .queryAcked(let id, let name): pendingQueries[id]?.yield(.ack(by: name))
        case .queryAnswered(let id, let name, let payload):
            pendingQueries[id]?.yield(.answer(by: name, payload: payload))
        case .queryFinished(let id): pendingQueries.removeValue(forKey: id)?.finish()
        case .didJoin(let address): didJoin(socketAddress(of: address))
        case .joinFailed(let address, let failure): joinDidFail(socketAddress(of: address), failure)
        case .nameConflict(let name, let address):
            if counters.nameConflicts.nonzeroBitCount == 1 {
                configuration.logger.warning(
                    "two hosts use one name: start one of them with another --name",
                    metadata: ["name": "\(name)", "other": "\(address)"])
            }
            subscribers.yield(.nameConflict(name: name, address: SocketAddress(address)))
        case .nameLost(let address): nameWasLost(to: SocketAddress(address))
        case .keysChanged(let keys):
            configuration.logger.notice("the cluster's keys changed", metadata: ["keys": "\(keys.count)"])
            subscribers.yield(.keysChanged(keys))
        case .leaveCompleted: resumeLeaveWaiters()
        }
    }

    private func note(_ event: MemberEvent) {
        let address = socketAddress(of: event.member.address)
        switch event.kind {
        case .joined, .updated: seeds.remember(address)
        case .left: seeds.forget(address)
        case .failed: lookAgainSoon()
        case .reaped: break  // After a long failure it may still be there, on the other side.
        }
    }

    private func nameWasLost(to address: SocketAddress) {
        configuration.logger.critical(
            "another host has this name, as the others know it; this one stops",
            metadata: ["name": "\(configuration.name)", "other": "\(address)"])
        subscribers.yield(.nameLost(name: configuration.name, address: address))
        shutdown()
    }

    private func open(_ request: StreamRequest) {
        guard let core, let wheel else { return }
        do throws(UVError) {
            outbound[request.id] = try OutboundExchange(
                request, to: socketAddress(of: request.address), reader: core.makeStreamReader(for: .initiator),
                wheel: wheel,
                onReply: { reply in self.finish(request, reply) },
                onLinkClose: { self.linkDidClose(request.id) })
        } catch {
            finish(request, .failure(.unreachable(error.reason)))
        }
    }

    private func finish(_ request: StreamRequest, _ reply: OutboundExchange.Reply) {
        var isLink = false
        if request.staysOpen, case .success = reply { isLink = true }
        if !isLink { outbound[request.id] = nil }
        perform { core, now in core.handleReply(reply, to: request.id, at: now) }
    }
}
