/// A Serf message to be passed on to `address`.
struct RelayMessage: Equatable {
    var address: [UInt8] = []
    var port: UInt16 = 0
    var node = ""
    /// From its Serf type byte on.
    var message: [UInt8] = []
}

extension RelayMessage {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["DestAddr", "DestName"]) { (field, reader) throws(WireError) in
            switch field {
            case 0:
                try reader.readRecord(["IP", "Port", "Zone"]) { (field, reader) throws(WireError) in
                    switch field {
                    case 0: address = try reader.readRaw() ?? []
                    case 1: port = try reader.readUInt16()
                    default: try reader.skip()
                    }
                }
            default: node = try reader.readText()
            }
        }
        message = try reader.readBytes(count: reader.bytesLeft)
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.relay.rawValue)
        writer.writeMapHeader(2)
        writer.key("DestAddr")
        writer.writeMapHeader(3)
        writer.field("IP", address)
        writer.field("Port", port)
        writer.field("Zone", "")
        writer.field("DestName", node)
        writer.append(raw: message)
        return writer.bytes
    }
}
