struct UserEventMessage: Equatable {
    var time: UInt64 = 0
    var name = ""
    var payload: [UInt8]?
    /// Whether a receiver may keep only the last of several with this name.
    var canCoalesce = false
}

extension UserEventMessage {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["LTime", "Name", "Payload", "CC"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: time = try reader.readUnsigned()
            case 1: name = try reader.readText()
            case 2: payload = try reader.readRaw()
            default: canCoalesce = try reader.readBool()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.userEvent.rawValue)
        writer.writeMapHeader(4)
        writer.field("CC", canCoalesce)
        writer.field("LTime", time)
        writer.field("Name", name)
        writer.field("Payload", payload)
        return writer.bytes
    }
}
