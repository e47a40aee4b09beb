/// One message out of a datagram.
enum PacketMessage: Equatable {
    case ping(Ping)
    case indirectPing(IndirectPing)
    case ack(Ack)
    case nack(Nack)
    case alive(Alive)
    case suspect(Accusation)
    case dead(Accusation)
    /// A Serf message.
    case user([UInt8])
}

extension PacketMessage {
    /// `bytes`: From the type byte on. What follows the value is ignored.
    init(_ bytes: [UInt8]) throws(WireError) {
        guard let tag = bytes.first else { throw .truncated(missing: 1) }
        guard let type = MessageType(rawValue: tag) else { throw .unknownMessage(tag) }
        var reader = MessagePackReader(bytes, from: 1)
        switch type {
        case .ping: self = .ping(try Ping(from: &reader))
        case .indirectPing: self = .indirectPing(try IndirectPing(from: &reader))
        case .ack: self = .ack(try Ack(from: &reader))
        case .nack: self = .nack(try Nack(from: &reader))
        case .alive: self = .alive(try Alive(from: &reader))
        case .suspect: self = .suspect(try Accusation(from: &reader))
        case .dead: self = .dead(try Accusation(from: &reader))
        case .user: self = .user(Array(bytes.dropFirst()))
        case .pushPull, .compound, .compress, .encrypt, .checksum, .error, .label: throw .unknownMessage(tag)
        }
    }
}

/// Takes a datagram apart and puts one together, label and encryption aside: checksum, compression, compound.
enum Packet {
    static let nestingLimit = 16
    /// What all compressed parts of one datagram may grow to together.
    static let decompressedLimitBytes = 256 * 1024
    /// What we put into one compound; older agents misread more.
    static let limitParts = 127
    /// What is taken out of one datagram, however nested: a handful of bytes must not cost us thousands of answers.
    static let messageLimit = 1_024
    /// The reference compresses a packet once.
    static let compressedLimit = 8
    private static let checksumBytes = 5
    /// Smaller ones, most pings and acks, do not get any smaller. The reference tries all the same; readers do not
    /// mind.
    private static let worthCompressingBytes = 100

    /// Everything readable in a decrypted datagram, and what was wrong with the rest.
    static func decode(_ bytes: [UInt8]) -> (messages: [PacketMessage], errors: [WireError]) {
        var decoder = Decoder()
        decoder.decode(bytes)
        return (decoder.messages, decoder.errors)
    }

    private struct Decoder {
        var messages: [PacketMessage] = []
        var errors: [WireError] = []
        private var pending: [(bytes: [UInt8], depth: Int)] = []
        private var budgetBytes = decompressedLimitBytes
        private var compressedCount = 0

        mutating func decode(_ bytes: [UInt8]) {
            do throws(WireError) { try unwrap(try Packet.checked(bytes), depth: 0) } catch { errors.append(error) }
            while let next = pending.popLast() {
                guard messages.count < messageLimit else { return errors.append(.tooLarge) }
                do throws(WireError) { try unwrap(next.bytes, depth: next.depth) } catch { errors.append(error) }
            }
        }

        private mutating func unwrap(_ bytes: [UInt8], depth: Int) throws(WireError) {
            guard depth <= nestingLimit else { throw .tooDeep }
            switch bytes.first.flatMap(MessageType.init(rawValue:)) {
            case .compound:
                let compound = try Packet.parts(of: bytes)
                if compound.isCut { errors.append(.truncated(missing: 1)) }
                pending += compound.parts.reversed().map { ($0, depth + 1) }
            case .compress:
                compressedCount += 1
                guard compressedCount <= compressedLimit else { throw .tooLarge }
                var reader = MessagePackReader(bytes, from: 1)
                let message = try Compression.decompress(from: &reader, limitBytes: budgetBytes)
                budgetBytes -= message.count
                pending.append((message, depth + 1))
            default: messages.append(try PacketMessage(bytes))
            }
        }
    }

    /// Removes and verifies the checksum header, which only the outermost layer may have.
    private static func checked(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
        guard bytes.first == MessageType.checksum.rawValue else { return bytes }
        guard bytes.count > checksumBytes else { throw .truncated(missing: checksumBytes + 1 - bytes.count) }
        let expected = bytes[1..<checksumBytes].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let rest = bytes[checksumBytes...]
        guard CRC32.checksum(of: rest) == expected else { throw .badChecksum }
        return Array(rest)
    }

    /// The complete parts of a compound, without empty ones.
    private static func parts(of bytes: [UInt8]) throws(WireError) -> (parts: [[UInt8]], isCut: Bool) {
        guard bytes.count >= 2 else { throw .truncated(missing: 1) }
        let count = Int(bytes[1])
        var position = 2 + 2 * count
        guard bytes.count >= position else { throw .truncated(missing: position - bytes.count) }
        var parts: [[UInt8]] = []
        for index in 0..<count {
            let length = Int(bytes[2 + 2 * index]) << 8 | Int(bytes[3 + 2 * index])
            guard length <= bytes.count - position else { return (parts, true) }
            if length > 0 { parts.append(Array(bytes[position..<position + length])) }
            position += length
        }
        return (parts, false)
    }

    // MARK: - Encoding

    /// `messages`: At least one, at most ``limitParts``, none empty.
    static func encode(_ messages: [[UInt8]], compresses: Bool, addsChecksum: Bool) -> [UInt8] {
        var packet = messages.count == 1 ? messages[0] : compound(messages)
        if compresses, packet.count >= worthCompressingBytes {
            let compressed = Compression.compress(packet)
            if compressed.count < packet.count { packet = compressed }
        }
        return addsChecksum ? checksummed(packet) : packet
    }

    static func compound(_ messages: [[UInt8]]) -> [UInt8] {
        var bytes = [MessageType.compound.rawValue, UInt8(truncatingIfNeeded: messages.count)]
        for message in messages { bytes.append(bigEndian: UInt16(truncatingIfNeeded: message.count)) }
        return bytes + messages.joined()
    }

    static func checksummed(_ packet: [UInt8]) -> [UInt8] {
        var bytes = [MessageType.checksum.rawValue]
        bytes.append(bigEndian: CRC32.checksum(of: packet))
        return bytes + packet
    }
}
