/// What we know about a member whose name is claimed twice, as the payload of a query response.
enum ConflictResponse {
    /// Where the answering member knows `name`; nil if it knows no such member, or says nothing usable.
    static func address(of name: String, in payload: [UInt8]) throws(WireError) -> MemberAddress? {
        guard payload.first == SerfMessageType.conflictResponse.rawValue else {
            throw .unknownMessage(payload.first ?? 0)
        }
        var reader = MessagePackReader(payload, from: 1)
        var known = ""
        var bytes: [UInt8] = []
        var port: UInt16 = 0
        try reader.readRecord(["Addr", "Name", "Port"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: bytes = try reader.readRaw() ?? []
            case 1: known = try reader.readName()
            default: port = try reader.readUInt16()
            }
        }
        return known == name ? MemberAddress(bytes: bytes, port: port) : nil
    }

    static func encode(_ member: SerfMember?) -> [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.conflictResponse.rawValue)
        guard let member else {
            writer.writeNil()
            return writer.bytes
        }
        let versions = member.versions
        writer.writeMapHeader(11)
        writer.field("Addr", member.address.bytes)
        writer.field("DelegateCur", versions.delegateCurrent)
        writer.field("DelegateMax", versions.delegateMaximum)
        writer.field("DelegateMin", versions.delegateMinimum)
        writer.field("Name", member.name)
        writer.field("Port", member.address.port)
        writer.field("ProtocolCur", versions.protocolCurrent)
        writer.field("ProtocolMax", versions.protocolMaximum)
        writer.field("ProtocolMin", versions.protocolMinimum)
        writer.field("Status", member.status.wireNumber)
        writer.key("Tags")
        writer.writeMapHeader(member.tags.count)
        for (name, value) in member.tags.sorted(by: { $0.key < $1.key }) {
            writer.write(name)
            writer.write(value)
        }
        return writer.bytes
    }
}
