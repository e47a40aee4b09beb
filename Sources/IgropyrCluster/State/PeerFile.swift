package import IgropyrUV

/// `peers.json` in a member's data folder: where the others gossiped, those that have left aside, so that a member
/// finds back without being told, a cluster whose hosts were all switched off comes together again, and the parts of a
/// divided one find each other though each has restarted meanwhile. All calls block.
package struct PeerFile: Codable, Sendable {
    static let name = "peers.json"
    private static let limit = 64

    /// Of the format.
    var version = ControlAPI.version
    /// Address and port each, the one heard of last first.
    var peers: [String]

    package init(_ peers: [SocketAddress]) { self.peers = peers.map { "\($0)" } }

    /// What was remembered; none if there is no such file, or none that can be read.
    package static func read(from folder: DataFolder) -> [SocketAddress] {
        guard let bytes = try? folder.read(name, limitBytes: 1 << 16),
            let file = try? JSON.decode(PeerFile.self, from: bytes), file.version == ControlAPI.version
        else { return [] }
        return file.peers.prefix(limit).compactMap { SocketAddress(parsing: $0, defaultPort: 0) }
    }

    package func write(to folder: DataFolder) throws { try folder.write(try JSON.encode(self), to: Self.name) }
}
