internal import FoundationEssentials
internal import IgropyrUV

/// `peers.json` in a node's data folder: where the other nodes gossiped, so that a node finds back without being told,
/// and a cluster whose hosts were all switched off comes together again. All calls block.
struct PeerFile: Codable, Sendable {
    static let name = "peers.json"
    /// More are of no use: one that answers tells of the others.
    static let limit = 20

    /// Of the format.
    var version = ControlAPI.version
    /// Address and port each.
    var peers: [String]

    /// What was remembered; none if there is no such file, or none that can be read.
    static func read(from folder: DataFolder) -> [IgropyrUV.Endpoint] {
        guard let bytes = try? folder.read(name, limitBytes: 1 << 16),
            let file = try? JSONDecoder().decode(PeerFile.self, from: Data(bytes)), file.version == ControlAPI.version
        else { return [] }
        return file.peers.prefix(limit).compactMap { text in
            SocketAddress(parsing: text, defaultPort: 0).map { IgropyrUV.Endpoint(host: $0.hostText, port: $0.port) }
        }
    }

    func write(to folder: DataFolder) throws { try folder.write(try JSON.encode(self), to: Self.name) }
}
