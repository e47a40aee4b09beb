/// What we know about a member whose name is claimed twice, as the payload of a query response.
enum ConflictResponse {
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
