internal import IgropyrUV

/// `keyring.json` in a member's data folder: the keys that the cluster agreed on after the member was given its key
/// file.
///
/// Beside it lies `cluster.key` with the one in use, for the commands on this host. All calls block.
package struct KeyringFile: Codable, Sendable {
    static let name = "keyring.json"
    private static let limitBytes = 1 << 16
    /// Of the descriptor by which a successor gets it.
    private static let descriptorName = "keys"
    package static let keyName = "cluster.key"

    /// Of the format.
    var version = ControlAPI.version
    /// The ``ClusterKey/fingerprint`` of the key file's key when this was written.
    var base: String
    /// In Base64, the one in use first.
    var keys: [String]

    package init(base: ClusterKey, keys: [ClusterKey]) {
        self.base = base.fingerprint
        self.keys = keys.map(\.base64)
    }

    /// The keys to start with. A key file that holds neither the key of then nor one that the cluster has used since is
    /// an operator's new choice, and counts alone.
    package static func keys(
        startingWith key: ClusterKey, from folder: DataFolder
    ) throws(KeyringUnreadable) -> [ClusterKey] {
        do {
            guard let bytes = try folder.read(name, limitBytes: limitBytes) else { return [key] }
            return try keys(startingWith: key, in: bytes)
        } catch { throw KeyringUnreadable(path: "\(folder.path)/\(name)", reason: JSON.cause(of: error)) }
    }

    private static func keys(startingWith key: ClusterKey, in bytes: [UInt8]) throws -> [ClusterKey] {
        let file = try JSON.decode(KeyringFile.self, from: bytes)
        let keys = file.keys.compactMap(ClusterKey.init(base64:))
        guard !keys.isEmpty, keys.count == file.keys.count else { throw NoKey() }
        return file.base == key.fingerprint || keys.contains(key) ? keys : [key]
    }

    private struct NoKey: Error, CustomStringConvertible {
        var description: String { "what it has for a key is none" }
    }

    /// For a successor in another process, which the caller gives the descriptor, and then closes it. In memory only.
    /// - Throws: `UVError`.
    package func handedOver() throws -> [String: Int32] {
        [Self.descriptorName: try MemoryFile.make(try JSON.encode(self))]
    }

    /// What a predecessor has handed over, as ``keys(startingWith:from:)``; nil if it did not, or what cannot be read.
    /// Takes it.
    package static func keys(
        startingWith key: ClusterKey, handedOverBy descriptors: [String: Int32]
    ) -> [ClusterKey]? {
        guard let descriptor = descriptors[descriptorName],
            let bytes = try? MemoryFile.read(owning: descriptor, limitBytes: limitBytes)
        else { return nil }
        return try? keys(startingWith: key, in: bytes)
    }

    package func write(to folder: DataFolder) throws {
        try folder.write(try JSON.encode(self), to: Self.name)
        if let first = keys.first { try folder.write(Array("\(first)\n".utf8), to: Self.keyName) }
    }
}

package struct KeyringUnreadable: Error, CustomStringConvertible {
    let path: String
    let reason: String

    package var description: String {
        "\(path) cannot be read (\(reason)): remove it, and give the cluster's key by --key-file"
    }
}
