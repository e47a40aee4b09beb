internal import IgropyrCluster
internal import IgropyrUV
internal import Logging

/// What a balancer keeps in its data folder from one life to the next: the keys that the cluster has agreed on, and
/// where the other members were. Bound to its loop.
final class BalancerMemory {
    /// To start with.
    let firstKeys: [ClusterKey]
    /// Where the others were last.
    private(set) var peers: [SocketAddress]
    private let folder: DataFolder
    /// The key file's; nil: nothing is encrypted.
    private let key: ClusterKey?
    private let logger: Logger
    private let loop: EventLoop

    /// - Throws: `DataFolderError`, `KeyringUnreadable`.
    init(at path: String, _ key: ClusterKey?, logger: Logger, on loop: EventLoop) async throws {
        (folder, firstKeys, peers) = try await loop.offload {
            let folder = try DataFolder(at: path)
            do {
                let keys = try key.map { try KeyringFile.keys(startingWith: $0, from: folder) } ?? []
                return (folder, keys, PeerFile.read(from: folder))
            } catch {
                folder.release()
                throw error
            }
        }
        (self.key, self.logger, self.loop) = (key, logger, loop)
    }

    /// Lets the successor have the folder. Keep nothing afterwards.
    func release() { folder.release() }

    func keep(_ keys: [ClusterKey]) async {
        guard let key, !keys.isEmpty else { return }
        let file = KeyringFile(base: key, keys: keys)
        await write(orSay: "cannot save the cluster's changed keys: a restart would lose them") {
            try file.write(to: $0)
        }
    }

    func keep(peers: [SocketAddress]) async {
        guard self.peers != peers else { return }
        self.peers = peers
        let file = PeerFile(peers)
        await write(orSay: "cannot save where the others are") { try file.write(to: $0) }
    }

    private func write(
        orSay failure: Logger.Message, _ body: @escaping @Sendable (DataFolder) throws -> Void
    ) async {
        let folder = folder
        do {
            try await loop.offload { try body(folder) }
        } catch {
            logger.error(failure, metadata: ["reason": "\(error)"])
        }
    }
}
