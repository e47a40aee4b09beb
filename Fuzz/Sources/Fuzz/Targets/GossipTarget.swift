import IgropyrTime

@testable import IgropyrGossip

/// What a member hears from others: whether it has a label or a key, then up to 24 times what happens and a piece of
/// bytes.
enum GossipTarget: FuzzTarget {
    static let name = "gossip"
    private static let limit = 8
    private static let source = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        var member = Member(choice: input.byte())
        for _ in 0..<24 where !input.isEmpty {
            let event = input.byte()
            member.hear(event, input.piece())
        }
    }

    private struct Member {
        private var gossip: Gossip
        private var now = Timestamp.zero
        /// Exchanges that the member has begun.
        private var streams: [StreamID] = []

        init(choice: UInt8) {
            var configuration = GossipConfiguration(
                name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
            if choice & 1 != 0 { configuration.label = "blue" }
            if choice & 2 != 0 { configuration.keys = [[UInt8](repeating: 7, count: 16)] }
            configuration.tags = ["role": "web"]
            configuration.settings.memberLimit = limit
            configuration.settings.tableLimit = limit
            configuration.settings.queueLimit = limit
            configuration.settings.recentEventsLimitBytes = 512
            configuration.settings.streamLimitBytes = 1 << 16
            do {
                gossip = try Gossip(configuration, at: now, using: Constant())
            } catch { fatalError("\(error)") }
        }

        mutating func hear(_ event: UInt8, _ bytes: [UInt8]) {
            now = now.advanced(by: .milliseconds(50))
            switch event % 10 {
            case 0: carryOut(gossip.handleDatagram(bytes, from: source, at: now))
            case 1: receive(bytes)
            case 2: receive(Packet.checksummed(bytes))
            case 3: receive([MessageType.user.rawValue] + bytes)
            case 4: receive(Packet.compound([bytes, bytes]))
            case 5: receive(Compression.compress(bytes))
            case 6: answer(gossip.envelope.labelHeader + bytes)
            case 7: answer(gossip.envelope.labelHeader + gossip.envelope.sealStream(bytes, nonce: nonce))
            case 8: readReply(bytes)
            default: pass(bytes.count)
            }
            check()
        }

        /// A datagram that passes for one of this cluster.
        private mutating func receive(_ packet: [UInt8]) {
            let datagram = gossip.envelope.sealPacket(packet, nonce: nonce)
            carryOut(gossip.handleDatagram(datagram, from: source, at: now))
        }

        private mutating func answer(_ bytes: [UInt8]) {
            let request = [0, min(3, bytes.count), bytes.count / 2, bytes.count].agree { cut in
                Self.read(bytes, cutAt: cut, gossip.makeStreamReader(for: .responder))
            }
            let outcome: Result<StreamMessage, WireError>
            switch request ?? .incomplete {
            case .incomplete: return
            case .message(let content): outcome = .success(StreamMessage(content: content))
            case .failure(let error): outcome = .failure(error)
            }
            let answer = gossip.handleRequest(outcome, at: now)
            carryOut(answer.directives)
            guard let reply = answer.reply else { return }
            var reader = gossip.makeStreamReader(for: .initiator)
            require((try? reader.read(reply)) != nil, "a reply cannot be read")
        }

        private mutating func readReply(_ bytes: [UInt8]) {
            guard let id = streams.popLast() else { return }
            let sealed = gossip.envelope.sealStream(bytes, nonce: nonce)
            switch Self.read(sealed, cutAt: 0, gossip.makeStreamReader(for: .initiator)) {
            case .incomplete: carryOut(gossip.handleReply(.failure(.closedWithoutReply), to: id, at: now))
            case .message(let content):
                carryOut(gossip.handleReply(.success(StreamMessage(content: content)), to: id, at: now))
            case .failure(let error): carryOut(gossip.handleReply(.failure(.unreadable(error)), to: id, at: now))
            }
        }

        private mutating func pass(_ ticks: Int) {
            now = now.advanced(by: .milliseconds(100 * min(ticks * ticks, 1 << 20)))
            carryOut(gossip.handleTimeout(at: now))
            require(gossip.deadline > now, "what is due was not done")
        }

        /// What others hear from this member, they can read.
        private mutating func carryOut(_ directives: [Directive]) {
            for directive in directives {
                switch directive {
                case .send(let datagram, _):
                    guard let packet = try? gossip.envelope.openPacket(datagram) else {
                        fatalError("a datagram cannot be opened")
                    }
                    require(Packet.decode(packet).errors.isEmpty, "a datagram cannot be read")
                case .openStream(let request):
                    streams.append(request.id)
                    var reader = gossip.makeStreamReader(for: .responder)
                    require((try? reader.read(request.bytes)) != nil, "a stream cannot be read")
                case .query(let query):
                    carryOut((try? gossip.respond(to: query.id, with: [1], at: now)) ?? [])
                case .member(let event): require(event.member.name != gossip.name)
                case .keysChanged(let keys): require(keys.count <= Keyring.limitKeys && !keys.isEmpty)
                case .userMessage, .userState: fatalError("there is Serf")
                case .userEvent, .queryAcked, .queryAnswered, .queryFinished, .didJoin, .joinFailed, .nameConflict,
                    .nameLost, .closeLink, .leaveCompleted:
                    break
                }
            }
        }

        private func check() {
            require(gossip.nodes.count <= limit && gossip.members.count <= limit)
            require(gossip.member(named: "alpha")?.status == .alive)
            require(gossip.forwardedPings.count <= limit && gossip.receivedQueries.count <= limit)
            require(gossip.suspicions.count <= limit && gossip.streams.count <= Gossip.streamLimit)
            require(gossip.links.inboundCount <= LinkTable.inboundLimit)
            let node = gossip.nodeBroadcasts.messages
            let serf = [gossip.intentBroadcasts, gossip.queryBroadcasts, gossip.eventBroadcasts].map(\.messages)
            for queue in serf + [node] { require(queue.count <= limit) }
            for message in node { require((try? PacketMessage(message)) != nil, "a broadcast cannot be read") }
            for message in serf.joined() { require(isReadable(message), "a broadcast cannot be read") }
        }

        private func isReadable(_ message: [UInt8]) -> Bool {
            var reader = MessagePackReader(message, from: 1)
            do throws(WireError) {
                switch message.first.flatMap(SerfMessageType.init(rawValue:)) {
                case .join: _ = try Intent(.join, from: &reader)
                case .leave: _ = try Intent(.leave, from: &reader)
                case .userEvent: _ = try UserEventMessage(from: &reader)
                case .query: _ = try QueryMessage(from: &reader)
                case .pushPull, .queryResponse, .conflictResponse, .keyRequest, .keyResponse, .relay, nil: return false
                }
                return true
            } catch { return false }
        }

        private enum Reading: Equatable {
            case incomplete
            case message(StreamMessage.Content)
            case failure(WireError)
        }

        private static func read(_ bytes: [UInt8], cutAt cut: Int, _ reader: StreamReader) -> Reading {
            var reader = reader
            do throws(WireError) {
                for piece in [bytes[..<cut], bytes[cut...]] {
                    if let message = try reader.read(Array(piece)) { return .message(message.content) }
                }
                return .incomplete
            } catch {
                if case .truncated = error { fatalError("a reader does not wait") }
                return .failure(error)
            }
        }
    }
}

private func nonce() -> [UInt8] { [UInt8](repeating: 1, count: 12) }

/// Numbers that repeat, whoever draws how many.
private struct Constant: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}
