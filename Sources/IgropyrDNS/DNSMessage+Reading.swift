extension DNSMessage {
    /// Of each section; a LAN's answers have a handful.
    private static let limitEntries = 256

    /// Records of other classes than IN are left out, those of unknown types kept without their content. Bytes behind
    /// the last record are ignored.
    public init(_ bytes: [UInt8]) throws(DNSError) {
        var reader = Reader(bytes: bytes)
        id = try reader.readUInt16()
        let flags = try reader.readUInt16()
        isResponse = flags & 0x8000 != 0
        operation = UInt8(flags >> 11 & 0x0F)
        isAuthoritative = flags & 0x0400 != 0
        isTruncated = flags & 0x0200 != 0
        responseCode = UInt8(flags & 0x0F)
        var counts: [Int] = []
        for _ in 0..<4 { counts.append(Int(try reader.readUInt16())) }
        guard counts.allSatisfy({ $0 <= Self.limitEntries }) else { throw .tooMany }
        for _ in 0..<counts[0] { if let question = try reader.readQuestion() { questions.append(question) } }
        for _ in 0..<counts[1] { if let record = try reader.readRecord() { answers.append(record) } }
        for _ in 0..<counts[2] { _ = try reader.readRecord() }
        for _ in 0..<counts[3] { if let record = try reader.readRecord() { additional.append(record) } }
    }
}

/// Every length is held against the bytes left; a pointer leads back only, so that no name goes round in circles.
private struct Reader {
    /// Pointers within one name; writers need one.
    private static let limitPointers = 16
    private static let classIN: UInt16 = 1
    private static let classAny: UInt16 = 255
    /// In a question, a wish for unicast; in a record, uniqueness.
    private static let multicastBit: UInt16 = 0x8000

    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func readUInt16() throws(DNSError) -> UInt16 {
        guard bytes.count - position >= 2 else { throw .truncated }
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    private mutating func readUInt32() throws(DNSError) -> UInt32 {
        UInt32(try readUInt16()) << 16 | UInt32(try readUInt16())
    }

    private mutating func readBytes(_ count: Int) throws(DNSError) -> [UInt8] {
        guard count <= bytes.count - position else { throw .truncated }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// RFC 1035 §4.1.4.
    private mutating func readName() throws(DNSError) -> DNSName {
        var labels: [[UInt8]] = []
        var size = 1
        var pointers = 0
        var place = position
        var end: Int?
        while true {
            guard place < bytes.count else { throw .truncated }
            let length = Int(bytes[place])
            switch length >> 6 {
            case 0 where length == 0:
                position = end ?? place + 1
                guard let name = DNSName(labels: labels) else { throw .malformedName }
                return name
            case 0:
                guard length < bytes.count - place else { throw .truncated }
                size += length + 1
                guard size <= DNSName.limitBytes else { throw .malformedName }
                labels.append(Array(bytes[place + 1...place + length]))
                place += length + 1
            case 3:
                guard place + 1 < bytes.count else { throw .truncated }
                let target = (length & 0x3F) << 8 | Int(bytes[place + 1])
                pointers += 1
                guard target < place, pointers <= Self.limitPointers else { throw .malformedName }
                end = end ?? place + 2
                place = target
            default: throw .malformedName
            }
        }
    }

    mutating func readQuestion() throws(DNSError) -> DNSMessage.Question? {
        let name = try readName()
        let type = try readUInt16()
        let kind = try readUInt16()
        let isOfUse = kind & ~Self.multicastBit == Self.classIN || kind & ~Self.multicastBit == Self.classAny
        return isOfUse ? DNSMessage.Question(name, type: type, wantsUnicast: kind & Self.multicastBit != 0) : nil
    }

    mutating func readRecord() throws(DNSError) -> DNSRecord? {
        let name = try readName()
        let type = try readUInt16()
        let kind = try readUInt16()
        let timeToLive = try readUInt32()
        let length = Int(try readUInt16())
        guard length <= bytes.count - position else { throw .truncated }
        let end = position + length
        guard kind & ~Self.multicastBit == Self.classIN else {
            position = end
            return nil
        }
        let content = try readContent(type, length)
        guard position <= end else { throw .malformedRecord }
        position = end
        return DNSRecord(name, timeToLive: timeToLive, isUnique: kind & Self.multicastBit != 0, content)
    }

    private mutating func readContent(_ type: UInt16, _ length: Int) throws(DNSError) -> DNSRecord.Content {
        switch type {
        case DNSType.address:
            guard length == 4 else { throw .malformedRecord }
            return .address(try readBytes(4))
        case DNSType.address6:
            guard length == 16 else { throw .malformedRecord }
            return .address6(try readBytes(16))
        case DNSType.pointer: return .pointer(try readName())
        case DNSType.text:
            let end = position + length
            var texts: [[UInt8]] = []
            while position < end {
                let count = Int(bytes[position])
                position += 1
                guard count <= end - position else { throw .malformedRecord }
                texts.append(try readBytes(count))
            }
            return .text(texts)
        case DNSType.service:
            let (priority, weight, port) = (try readUInt16(), try readUInt16(), try readUInt16())
            return .service(.init(priority: priority, weight: weight, port: port, target: try readName()))
        default: return .other(type: type)
        }
    }
}
