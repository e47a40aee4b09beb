/// A member's announcement that it joins or leaves, ordered by the members' Lamport clock.
struct Intent: Equatable {
    enum Kind: Equatable { case join, leave }

    var kind: Kind
    var time: UInt64 = 0
    var node = ""
    /// Only for leaving: forget the member at once.
    var isPrune = false
}

extension Intent {
    init(_ kind: Kind, from reader: inout MessagePackReader) throws(WireError) {
        self.kind = kind
        try reader.readRecord(["LTime", "Node", "Prune"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: time = try reader.readUnsigned()
            case 1: node = try reader.readName()
            default: isPrune = try reader.readBool()
            }
        }
    }

    var encoded: [UInt8] {
        let type: SerfMessageType = kind == .join ? .join : .leave
        var writer = MessagePackWriter(messageType: type.rawValue)
        writer.writeMapHeader(kind == .join ? 2 : 3)
        writer.field("LTime", time)
        writer.field("Node", node)
        if kind == .leave { writer.field("Prune", isPrune) }
        return writer.bytes
    }
}
