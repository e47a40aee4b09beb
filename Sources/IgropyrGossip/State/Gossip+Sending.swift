internal import IgropyrTime

/// How messages leave: directly with what fits beside them, or in rounds of gossip.
extension Gossip {
    /// What a datagram may take, compression and checksum aside (UDPBufferSize).
    static let packetLimitBytes = 1_400
    private static let compoundHeaderBytes = 2
    private static let compoundPartBytes = 2

    private var packetRoom: Int { Self.packetLimitBytes - Self.compoundHeaderBytes - envelope.overheadBytes }

    /// A broadcast that does not fit would wait for ever.
    var broadcastLimitBytes: Int { packetRoom - Self.compoundPartBytes - 1 }

    var hasBroadcasts: Bool {
        !(nodeBroadcasts.isEmpty && intentBroadcasts.isEmpty && queryBroadcasts.isEmpty && eventBroadcasts.isEmpty)
    }

    // MARK: - Packets

    /// Sends one memberlist message, with as many broadcasts as fit.
    /// `isCompressible`: False where an attempt would be in vain, unless broadcasts come along.
    mutating func send(_ message: [UInt8], to address: MemberAddress, isCompressible: Bool = true) {
        let room = packetRoom - message.count - Self.compoundPartBytes
        let broadcasts = takeBroadcasts(room: room, limitParts: Packet.limitParts - 1)
        guard !broadcasts.isEmpty else { return transmit([message], to: address, isCompressible: isCompressible) }
        transmit([message] + broadcasts, to: address)
    }

    /// Sends a Serf message to one member: without broadcasts.
    mutating func sendUser(_ message: [UInt8], to address: MemberAddress) {
        transmit([[MessageType.user.rawValue] + message], to: address)
    }

    mutating func transmit(
        _ messages: [[UInt8]], to address: MemberAddress, addsChecksum: Bool = false, isCompressible: Bool = true
    ) {
        let packet = Packet.encode(
            messages, compresses: isCompressible && settings.compresses, addsChecksum: addsChecksum)
        let sealed = envelope.sealPacket(packet) { random.bytes(12) }
        counters.datagramsSent += 1
        directives.append(.send(sealed, to: address))
    }

    // MARK: - Broadcasts

    /// `message`: A memberlist message about `subject`, which replaces an older one about it.
    @discardableResult
    mutating func broadcast(_ message: [UInt8], about subject: String) -> BroadcastQueue.ID {
        let added = nodeBroadcasts.add(message, about: subject)
        if added.isOverflowing { counters.tableOverflows += 1 }
        return added.id
    }

    /// Returns nil if the Serf message is too large for any packet: it is not passed on.
    @discardableResult
    mutating func broadcastSerf(
        _ message: [UInt8], in queue: WritableKeyPath<Gossip, BroadcastQueue>
    ) -> BroadcastQueue.ID? {
        guard message.count <= broadcastLimitBytes else {
            counters.tooLarge += 1
            return nil
        }
        let added = self[keyPath: queue].add(message)
        if added.isOverflowing { counters.tableOverflows += 1 }
        return added.id
    }

    private func transmitLimit(memberCount: Int) -> Int {
        max(settings.leastTransmits, settings.retransmitMultiplier * Logarithm.decimalCeiling(memberCount + 1))
    }

    private mutating func takeBroadcasts(room: Int, limitParts: Int) -> [[UInt8]] {
        guard hasBroadcasts else { return [] }
        var room = room
        var messages = nodeBroadcasts.take(
            room: &room, overheadBytes: Self.compoundPartBytes, transmitLimit: transmitLimit(memberCount: nodes.count),
            limitParts: limitParts)
        let limit = transmitLimit(memberCount: serfMembers.count)
        for queue in [\Gossip.intentBroadcasts, \.queryBroadcasts, \.eventBroadcasts]
        where !self[keyPath: queue].isEmpty {
            let taken = self[keyPath: queue].take(
                room: &room, overheadBytes: Self.compoundPartBytes + 1, transmitLimit: limit,
                limitParts: limitParts - messages.count)
            messages += taken.map { [MessageType.user.rawValue] + $0 }
        }
        return messages
    }

    /// One round: to some random members, what is queued.
    mutating func gossip(at now: Timestamp) {
        let targets = nodes.sample(settings.gossipFanout, using: &random) { [name, settings] node in
            node.name != name && node.hearsGossip(at: now, settings)
        }
        for target in targets {
            let messages = takeBroadcasts(room: packetRoom, limitParts: Packet.limitParts)
            guard !messages.isEmpty else { return }
            transmit(messages, to: target.address, addsChecksum: target.versions.understandsChecksum)
        }
    }

    // MARK: - News

    /// Says to all members, at once, what is first said here and is gossiped as well. Few members send it few times: of
    /// seven or of sixty, gossip alone leaves somebody out in one case of a hundred or more, until it next exchanges
    /// states.
    mutating func tellAll(_ message: [UInt8]) {
        tellAll(message, upTo: settings.directNewsLimit)
    }

    private mutating func tellAll(_ message: [UInt8], upTo limit: Int) {
        guard nodes.count <= limit else { return }
        for target in nodes.all where !target.isGone && target.name != name {
            transmit([message], to: target.address, addsChecksum: target.versions.understandsChecksum)
        }
    }

    /// Gossips a Serf message that is first said here.
    /// Returns nil if it is too large for any packet.
    @discardableResult
    mutating func announce(
        _ message: [UInt8], in queue: WritableKeyPath<Gossip, BroadcastQueue>
    ) -> BroadcastQueue.ID? {
        guard let id = broadcastSerf(message, in: queue) else { return nil }
        tellAll([MessageType.user.rawValue] + message, upTo: settings.directEventLimit)
        return id
    }

    // MARK: - Streams

    static let streamLimit = 128

    /// Nothing happens, and nil returns, when too many are open.
    @discardableResult
    mutating func openStream(
        _ purpose: StreamPurpose, to address: MemberAddress, _ message: [UInt8], deadline: Timestamp,
        staysOpen: Bool = false
    ) -> StreamID? {
        guard streams.count < Self.streamLimit else {
            counters.tableOverflows += 1
            return nil
        }
        lastStream &+= 1
        let id = StreamID(number: lastStream)
        streams[id] = purpose
        let bytes = envelope.label.isEmpty ? sealedForStream(message) : envelope.labelHeader + sealedForStream(message)
        directives.append(
            .openStream(StreamRequest(id: id, address: address, bytes: bytes, deadline: deadline, staysOpen: staysOpen))
        )
        return id
    }

    mutating func sealedForStream(_ message: [UInt8]) -> [UInt8] {
        let message = settings.compresses ? Compression.compress(message) : message
        return envelope.sealStream(message) { random.bytes(12) }
    }
}
