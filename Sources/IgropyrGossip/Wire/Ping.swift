/// Where the answer goes if not to the datagram's source: the sender's advertised address and name.
struct PingSource: Equatable {
    var address: IPAddress?
    var port: UInt16 = 0
    var node = ""

    /// Nil if the sender left it out or sent no usable address.
    var memberAddress: MemberAddress? { port == 0 ? nil : address.map { MemberAddress($0, port: port) } }
}

extension PingSource {
    fileprivate var fieldCount: Int { (address == nil ? 0 : 1) + (port == 0 ? 0 : 1) + (node.isEmpty ? 0 : 1) }

    fileprivate func encode(into writer: inout MessagePackWriter) {
        if let address { writer.field("SourceAddr", address) }
        if !node.isEmpty { writer.field("SourceNode", node) }
        if port != 0 { writer.field("SourcePort", port) }
    }
}

/// Asks the member `node` for an ``Ack`` with the same number.
struct Ping: Equatable {
    var sequence: UInt32 = 0
    /// Empty: whoever receives it answers.
    var node = ""
    var source = PingSource()
}

extension Ping {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode"]) {
            (field, reader) throws(WireError) in
            switch field {
            case 0: sequence = try reader.readUInt32()
            case 1: node = try reader.readName()
            case 2: source.address = try reader.readAddress()
            case 3: source.port = try reader.readUInt16()
            default: source.node = try reader.readText()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.ping.rawValue)
        writer.writeMapHeader(2 + source.fieldCount)
        writer.field("Node", node)
        writer.field("SeqNo", sequence)
        source.encode(into: &writer)
        return writer.bytes
    }
}

/// Asks a third member to ping `node` at `target` and to pass its ack on.
struct IndirectPing: Equatable {
    var sequence: UInt32 = 0
    /// Nil if it has neither 4 nor 16 bytes.
    var target: IPAddress?
    var port: UInt16 = 0
    var node = ""
    /// Whether the sender wants a nack when no ack came.
    var wantsNack = false
    var source = PingSource()
}

extension IndirectPing {
    init(from reader: inout MessagePackReader) throws(WireError) {
        let fields: [StaticString] = [
            "SeqNo", "Target", "Port", "Node", "Nack", "SourceAddr", "SourcePort", "SourceNode",
        ]
        try reader.readRecord(fields) { (field, reader) throws(WireError) in
            switch field {
            case 0: sequence = try reader.readUInt32()
            case 1: target = try reader.readAddress()
            case 2: port = try reader.readUInt16()
            case 3: node = try reader.readName()
            case 4: wantsNack = try reader.readBool()
            case 5: source.address = try reader.readAddress()
            case 6: source.port = try reader.readUInt16()
            default: source.node = try reader.readText()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.indirectPing.rawValue)
        writer.writeMapHeader(5 + source.fieldCount)
        writer.field("Nack", wantsNack)
        writer.field("Node", node)
        writer.field("Port", port)
        writer.field("SeqNo", sequence)
        source.encode(into: &writer)
        writer.field("Target", target)
        return writer.bytes
    }
}

struct Ack: Equatable {
    var sequence: UInt32 = 0
    /// The sender's ``NetworkCoordinate``, in answers to direct pings over UDP.
    var payload: [UInt8]?
}

extension Ack {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["SeqNo", "Payload"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: sequence = try reader.readUInt32()
            default: payload = try reader.readRaw()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.ack.rawValue)
        writer.writeMapHeader(2)
        writer.field("Payload", payload)
        writer.field("SeqNo", sequence)
        return writer.bytes
    }
}

/// "I asked and got no answer": the one who asked us is not cut off from us.
struct Nack: Equatable {
    var sequence: UInt32 = 0
}

extension Nack {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["SeqNo"]) { (_, reader) throws(WireError) in sequence = try reader.readUInt32() }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.nack.rawValue)
        writer.writeMapHeader(1)
        writer.field("SeqNo", sequence)
        return writer.bytes
    }
}
