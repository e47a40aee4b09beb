public import IgropyrTime

/// What an application says over memberlist where there is no Serf.
extension Gossip {
    /// A user message that came in, from anybody.
    mutating func handleUser(_ bytes: [UInt8], at now: Timestamp) {
        if delegate.isSerf {
            handleSerf(bytes, at: now)
        } else {
            directives.append(.userMessage(bytes))
        }
    }

    mutating func mergeUserState(_ bytes: [UInt8], isOurJoin: Bool, at now: Timestamp) {
        if delegate.isSerf {
            mergeSerf(bytes, isOurJoin: isOurJoin, at: now)
        } else {
            directives.append(.userState(bytes, isJoin: isOurJoin))
        }
    }

    var encodedUserState: [UInt8] { delegate.isSerf ? serfState.encoded : userState }

    // MARK: - Commands

    private func requireApplication() throws(GossipError) {
        guard !delegate.isSerf else { throw .belongsToSerf }
        guard !departure.isUnderway else { throw .leaving }
    }

    func requireSerf() throws(GossipError) {
        guard delegate.isSerf else { throw .needsSerf }
    }

    /// What members get with each exchange of whole states from now on; as many bytes as a stream may have.
    public mutating func setUserState(_ bytes: [UInt8]) throws(GossipError) {
        try requireApplication()
        guard bytes.count <= settings.streamLimitBytes / 2 else {
            throw .userStateTooLarge(limitBytes: settings.streamLimitBytes / 2)
        }
        userState = bytes
    }

    public mutating func updateMetadata(_ bytes: [UInt8], at now: Timestamp) throws(GossipError) -> [Directive] {
        try requireApplication()
        guard bytes.count <= Tags.limitBytes else { throw .tagsTooLarge }
        announce(meta: bytes)
        return takeDirectives(at: now)
    }

    /// Gossips a message to everybody. It may arrive several times: what tells new from known is in the message.
    public mutating func broadcastUserMessage(_ bytes: [UInt8], at now: Timestamp) throws(GossipError) -> [Directive] {
        try requireApplication()
        guard announce(bytes, in: \.eventBroadcasts) != nil else {
            throw .userMessageTooLarge(limitBytes: broadcastLimitBytes)
        }
        return takeDirectives(at: now)
    }

    /// Sends a message to one member: over TCP, or in a packet that may be lost (`SendReliable`, `SendBestEffort`).
    public mutating func sendUserMessage(
        _ bytes: [UInt8], to name: String, isReliable: Bool, at now: Timestamp
    ) throws(GossipError) -> [Directive] {
        try requireApplication()
        guard let node = nodes[name], name != self.name else { throw .unknownMember(name) }
        let limit = isReliable ? settings.streamLimitBytes : broadcastLimitBytes
        guard bytes.count <= limit else { throw .userMessageTooLarge(limitBytes: limit) }
        if isReliable {
            let deadline = now.advanced(by: settings.streamTimeout)
            openStream(.userMessage, to: node.address, StreamMessage.encode(user: bytes), deadline: deadline)
        } else {
            sendUser(bytes, to: node.address)
        }
        return takeDirectives(at: now)
    }
}
