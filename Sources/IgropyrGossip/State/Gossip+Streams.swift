public import IgropyrTime

extension Gossip {
    /// For a new connection, with the keys of now.
    public func makeStreamReader(for role: StreamReader.Role) -> StreamReader {
        StreamReader(envelope: envelope, role: role, limitBytes: settings.streamLimitBytes)
    }

    /// `request`: What came in over a connection that somebody else opened. Returns what to write back, if anything,
    /// and what to do besides; then close, but if it became a `link` keep it and report its end to
    /// ``handleLinkClosed(_:at:)``.
    public mutating func handleRequest(
        _ request: Result<StreamMessage, WireError>, at now: Timestamp
    ) -> (reply: [UInt8]?, link: StreamID?, directives: [Directive]) {
        var reply: [UInt8]?
        var link: StreamID?
        switch request {
        case .success(let message):
            reply = handleRequest(message.content, at: now)
            if reply != nil, case .ping(let ping) = message.content { link = acceptLink(ping, at: now) }
        case .failure(let error): reply = handleBrokenRequest(error)
        }
        return (reply.map { sealedForStream($0) }, link, takeDirectives(at: now))
    }

    private mutating func handleRequest(_ content: StreamMessage.Content, at now: Timestamp) -> [UInt8]? {
        switch content {
        case .pushPull(let remote):
            let reply = encodedState(isJoin: remote.isJoin)  // As it was before the merge.
            _ = merge(remote, isOurJoin: false, at: now)
            return reply
        case .ping(let ping):
            guard ping.node.isEmpty || ping.node == name else {
                counters.pingsForOthers += 1
                return nil
            }
            return Ack(sequence: ping.sequence).encoded
        case .user(let bytes): handleUser(bytes, at: now)
        case .ack, .error: counters.malformed += 1
        }
        return nil
    }

    /// Tells the other side when the keys are to blame.
    private mutating func handleBrokenRequest(_ error: WireError) -> [UInt8]? {
        counters.count(error)
        let text: String
        switch error {
        case .undecryptable: text = "no installed keys could decrypt the message"
        case .notEncrypted: text = "encryption is configured but remote state is not encrypted"
        case .unexpectedEncryption: text = "remote state is encrypted and encryption is not configured"
        case .badCompression: text = "failed to decompress the message"
        case .truncated, .unexpectedType, .outOfRange, .malformedText, .tooDeep, .unknownMessage, .tooLarge,
            .badChecksum, .badLabel:
            return nil
        }
        var writer = MessagePackWriter(messageType: MessageType.error.rawValue)
        writer.writeMapHeader(1)
        writer.field("Error", text)
        return writer.bytes
    }

    // MARK: - Our own exchanges

    /// Call exactly once for each ``Directive/openStream(_:)``.
    public mutating func handleReply(
        _ reply: Result<StreamMessage, StreamFailure>, to id: StreamID, at now: Timestamp
    ) -> [Directive] {
        guard let purpose = streams.removeValue(forKey: id) else { return [] }
        switch purpose {
        case .ping(let sequence):
            if case .success(let message) = reply, case .ack(let ack) = message.content, ack.sequence == sequence,
                isAwaiting(sequence)
            {
                handleAck(sequence, at: now)
            }
        case .userMessage: break
        case .synchronize, .reconnect: _ = mergeReply(reply, isOurJoin: false, at: now)
        case .link(let sequence): finishOpening(id, reply, sequence, at: now)
        case .linkCheck(let name, let address, let attempt):
            finishCheck(of: name, at: address, attempt: attempt, reply, at: now)
        case .join(let address):
            if let namesake = loneNamesake(in: reply) {
                directives.append(.nameLost(to: namesake))
            } else {
                finishJoin(mergeReply(reply, isOurJoin: true, at: now), with: address)
            }
        }
        return takeDirectives(at: now)
    }

    /// Returns what went wrong, if anything did.
    private mutating func mergeReply(
        _ reply: Result<StreamMessage, StreamFailure>, isOurJoin: Bool, at now: Timestamp
    ) -> StreamFailure? {
        switch reply {
        case .failure(let failure):
            if case .unreadable(let error) = failure { counters.count(error) }
            return failure
        case .success(let message):
            switch message.content {
            case .pushPull(let remote):
                return merge(remote, isOurJoin: isOurJoin, at: now) ? nil : .incompatibleVersions
            case .error(let text): return .refused(String(text.prefix(200)))
            case .ping, .ack, .user: return .unexpectedReply
            }
        }
    }

    private func isAwaiting(_ sequence: UInt32) -> Bool {
        probe?.sequence == sequence || verifications.contains { $0.sequence == sequence }
    }

    private mutating func finishJoin(_ failure: StreamFailure?, with address: MemberAddress) {
        if let failure {
            directives.append(.joinFailed(address, failure))
        } else {
            if let node = nodes[name] { tellAll(node.alive.encoded) }
            announceJoin()
            directives.append(.didJoin(address))
        }
    }
}
