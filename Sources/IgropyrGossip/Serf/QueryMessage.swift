/// A question to all members, or to those that its filters name.
struct QueryMessage: Equatable {
    static let wantsAck: UInt32 = 1
    static let isNotForwarded: UInt32 = 2
    /// In a response: it is an ack.
    static let isAck: UInt32 = 1

    var time: UInt64 = 0
    var id: UInt32 = 0
    var address: [UInt8] = []
    var port: UInt16 = 0
    var sourceNode = ""
    /// All must match; nil and empty: everybody.
    var filters: [[UInt8]]?
    var flags: UInt32 = 0
    /// Through how many other members each answer is sent besides.
    var relayFactor: UInt8 = 0
    var timeoutNanoseconds: UInt64 = 0
    var name = ""
    var payload: [UInt8]?
}

extension QueryMessage {
    static let filterLimit = 64

    init(from reader: inout MessagePackReader) throws(WireError) {
        let fields: [StaticString] = [
            "LTime", "ID", "Addr", "Port", "SourceNode", "Filters", "Flags", "RelayFactor", "Timeout", "Name",
            "Payload",
        ]
        try reader.readRecord(fields) { (field, reader) throws(WireError) in
            switch field {
            case 0: time = try reader.readUnsigned()
            case 1: id = try reader.readUInt32()
            case 2: address = try reader.readRaw() ?? []
            case 3: port = try reader.readUInt16()
            case 4: sourceNode = try reader.readText()
            case 5: filters = try Self.readFilters(from: &reader)
            case 6: flags = try reader.readUInt32()
            case 7: relayFactor = try reader.readUInt8()
            case 8: timeoutNanoseconds = try reader.readUnsigned(upTo: UInt64(Int64.max))
            case 9: name = try reader.readText()
            default: payload = try reader.readRaw()
            }
        }
    }

    /// An empty filter crashes the reference: refused, so that it is not forwarded.
    private static func readFilters(from reader: inout MessagePackReader) throws(WireError) -> [[UInt8]] {
        let count = try reader.readArrayHeader()
        guard count <= filterLimit else { throw .tooLarge }
        var filters: [[UInt8]] = []
        for _ in 0..<count {
            guard let filter = try reader.readRaw(), !filter.isEmpty else { throw .outOfRange }
            filters.append(filter)
        }
        return filters
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.query.rawValue)
        writer.writeMapHeader(11)
        writer.field("Addr", address)
        writer.key("Filters")
        if let filters {
            writer.writeArrayHeader(filters.count)
            for filter in filters { writer.write(filter) }
        } else {
            writer.writeNil()
        }
        writer.field("Flags", flags)
        writer.field("ID", id)
        writer.field("LTime", time)
        writer.field("Name", name)
        writer.field("Payload", payload)
        writer.field("Port", port)
        writer.field("RelayFactor", relayFactor)
        writer.field("SourceNode", sourceNode)
        writer.field("Timeout", timeoutNanoseconds)
        return writer.bytes
    }
}

/// An ack or an answer to a query.
struct QueryResponseMessage: Equatable {
    var time: UInt64 = 0
    var id: UInt32 = 0
    var from = ""
    var flags: UInt32 = 0
    var payload: [UInt8]?
}

extension QueryResponseMessage {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["LTime", "ID", "From", "Flags", "Payload"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: time = try reader.readUnsigned()
            case 1: id = try reader.readUInt32()
            case 2: from = try reader.readName()
            case 3: flags = try reader.readUInt32()
            default: payload = try reader.readRaw()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.queryResponse.rawValue)
        writer.writeMapHeader(5)
        writer.field("Flags", flags)
        writer.field("From", from)
        writer.field("ID", id)
        writer.field("LTime", time)
        writer.field("Payload", payload)
        return writer.bytes
    }
}
