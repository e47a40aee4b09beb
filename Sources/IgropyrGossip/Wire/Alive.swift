/// The claim that `node` lives, at this address, with this metadata.
struct Alive: Equatable {
    var incarnation: UInt32 = 0
    var node = ""
    /// Nil if it has neither 4 nor 16 bytes.
    var address: IPAddress?
    var port: UInt16 = 0
    /// Serf's tags as bytes (``Tags``), compared as such; at most 512.
    var meta: [UInt8] = []
    /// Nil if it has not six bytes.
    var versions: Versions?
}

extension Alive {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["Incarnation", "Node", "Addr", "Port", "Meta", "Vsn"]) {
            (field, reader) throws(WireError) in
            switch field {
            case 0: incarnation = try reader.readUInt32()
            case 1: node = try reader.readName()
            case 2: address = try reader.readAddress()
            case 3: port = try reader.readUInt16()
            case 4: meta = try reader.readRaw() ?? []
            default: versions = try reader.readVersions()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.alive.rawValue)
        writer.writeMapHeader(6)
        writer.field("Addr", address)
        writer.field("Incarnation", incarnation)
        writer.field("Meta", meta)
        writer.field("Node", node)
        writer.field("Port", port)
        writer.field("Vsn", versions)
        return writer.bytes
    }
}

/// The claim, by `from`, that `node` does not answer (``MessageType/suspect``) or is gone (``MessageType/dead``).
/// A dead claim with `from` equal to `node` is that node's own good-bye.
struct Accusation: Equatable {
    var incarnation: UInt32 = 0
    var node = ""
    var from = ""
}

extension Accusation {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["Incarnation", "Node", "From"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: incarnation = try reader.readUInt32()
            case 1: node = try reader.readName()
            default: from = try reader.readName()
            }
        }
    }

    func encoded(as type: MessageType) -> [UInt8] {
        var writer = MessagePackWriter(messageType: type.rawValue)
        writer.writeMapHeader(3)
        writer.field("From", from)
        writer.field("Incarnation", incarnation)
        writer.field("Node", node)
        return writer.bytes
    }
}
