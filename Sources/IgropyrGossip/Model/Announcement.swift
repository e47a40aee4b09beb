/// What a member says of itself. It never changes: whoever says something new has a new one, so that all tables that
/// know the same share it.
final class Announcement: Sendable {
    let name: String
    let address: MemberAddress
    /// As it travels; with Serf, the tags encoded.
    let meta: [UInt8]
    /// Serf's; empty without it.
    let tags: [String: String]
    let versions: Versions
    /// For exchanges of whole states, in which it is repeated unchanged.
    let encoded: NodeState.Encoded

    init(name: String, address: MemberAddress, meta: [UInt8], tags: [String: String], versions: Versions) {
        self.name = name
        self.address = address
        self.meta = meta
        self.tags = tags
        self.versions = versions
        encoded = NodeState.Encoded(
            name: name, address: address.ip, port: address.port, meta: meta, versions: versions)
    }

    func says(_ meta: [UInt8], at address: MemberAddress, _ versions: Versions) -> Bool {
        self.meta == meta && self.address == address && self.versions == versions
    }
}
