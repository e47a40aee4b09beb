/// A member as told in a push/pull.
struct NodeState: Equatable {
    var name = ""
    /// Nil if it has neither 4 nor 16 bytes.
    var address: IPAddress?
    var port: UInt16 = 0
    var meta: [UInt8] = []
    var incarnation: UInt32 = 0
    /// 0 alive, 1 suspect, 2 dead, 3 left.
    var state: UInt8 = 0
    /// Nil if it has not six bytes.
    var versions: Versions?
}

extension NodeState {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["Name", "Addr", "Port", "Meta", "Incarnation", "State", "Vsn"]) {
            (field, reader) throws(WireError) in
            switch field {
            case 0: name = try reader.readName()
            case 1: address = try reader.readAddress()
            case 2: port = try reader.readUInt16()
            case 3: meta = try reader.readRaw() ?? []
            case 4: incarnation = try reader.readUInt32()
            case 5: state = try reader.readUInt8()
            default: versions = try reader.readVersions()
            }
        }
    }

    var encoded: Encoded {
        Encoded(name: name, address: address, port: port, meta: meta, versions: versions)
    }

    /// What ``init(from:)`` reads, in pieces: incarnation and state change now and then, what is around them hardly
    /// ever.
    struct Encoded: Sendable {
        private let untilIncarnation: [UInt8]
        private let untilState: [UInt8]
        private let behindState: [UInt8]

        init(name: String, address: IPAddress?, port: UInt16, meta: [UInt8], versions: Versions?) {
            var writer = MessagePackWriter()
            writer.writeMapHeader(7)
            writer.field("Addr", address)
            writer.key("Incarnation")
            untilIncarnation = writer.bytes
            writer = MessagePackWriter()
            writer.field("Meta", meta)
            writer.field("Name", name)
            writer.field("Port", port)
            writer.key("State")
            untilState = writer.bytes
            writer = MessagePackWriter()
            writer.field("Vsn", versions)
            behindState = writer.bytes
        }

        func write(incarnation: UInt32, state: UInt8, to writer: inout MessagePackWriter) {
            writer.append(raw: untilIncarnation)
            writer.write(incarnation)
            writer.append(raw: untilState)
            writer.write(state)
            writer.append(raw: behindState)
        }
    }
}

/// The whole state of a member, exchanged over TCP.
struct PushPull: Equatable {
    var isJoin = false
    var nodes: [NodeState] = []
    /// Serf's part, ``SerfState`` with its type byte; may be empty.
    var userState: [UInt8] = []

    struct Header: Equatable {
        var isJoin = false
        var nodeCount = 0
        var userStateBytes = 0
    }
}

extension PushPull.Header {
    static let nodeLimit = 1_048_576
    static let userStateLimitBytes = 20 * 1024 * 1024

    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["Nodes", "UserStateLen", "Join"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: nodeCount = try reader.readCount(upTo: Self.nodeLimit)
            case 1: userStateBytes = try reader.readCount(upTo: Self.userStateLimitBytes)
            default: isJoin = try reader.readBool()
            }
        }
    }
}

extension PushPull {
    /// `write`: Writes a node as ``NodeState/init(from:)`` reads it.
    static func encode<Element>(
        isJoin: Bool, nodes: [Element], userState: [UInt8], write: (Element, inout MessagePackWriter) -> Void
    ) -> [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.pushPull.rawValue)
        writer.reserve(bytes: nodes.count * usualNodeBytes + userState.count)
        writer.writeMapHeader(3)
        writer.field("Join", isJoin)
        writer.field("Nodes", UInt(nodes.count))
        writer.field("UserStateLen", UInt(userState.count))
        for node in nodes { write(node, &writer) }
        writer.append(raw: userState)
        return writer.bytes
    }

    var encoded: [UInt8] {
        Self.encode(isJoin: isJoin, nodes: nodes, userState: userState) { node, writer in
            node.encoded.write(incarnation: node.incarnation, state: node.state, to: &writer)
        }
    }

    /// Of a node without tags.
    private static let usualNodeBytes = 96
}
