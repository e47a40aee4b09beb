internal import IgropyrConfiguration
internal import IgropyrUV

/// What the access files beneath a root say, for all loops: so a rate in one counts on all of them together.
final class AccessFiles: Sendable {
    /// Files that are kept; then all are read anew.
    private static let limitEntries = 1024

    private let known = Locked<[String: (bytes: [UInt8], change: FolderRules.Change)]>([:])

    /// What a file with these bytes says: the same as before while they are the same.
    /// - Throws: all that is wrong with it.
    func change(by bytes: [UInt8], of path: String) throws -> FolderRules.Change {
        if let change = known(bytes, of: path) { return change }
        let change = try Schema.rules(in: SiteFolder("")).read(bytes, file: path)
        return known.withLock { known in
            // Another loop has read it meanwhile.
            if let other = known[path], other.bytes == bytes { return other.change }
            if known.count >= Self.limitEntries { known = [:] }
            known[path] = (bytes, change)
            return change
        }
    }

    private func known(_ bytes: [UInt8], of path: String) -> FolderRules.Change? {
        known.withLock { known in known[path].flatMap { $0.bytes == bytes ? $0.change : nil } }
    }
}
