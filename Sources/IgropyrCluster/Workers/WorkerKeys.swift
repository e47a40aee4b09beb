internal import Glibc
internal import IgropyrTransport

/// What one process of an encrypted worker has beside its place: keys, and the proof that it takes requests by them.
/// Stays on its supervisor's loop.
final class WorkerKeys {
    /// Names the file to the worker; see `docs/worker-encryption.md`.
    static let variable = "IGROPYR_WORKER_KEYS"

    /// As it was given them last, the one in use first; never empty.
    private(set) var keys: [PreSharedKey]
    /// How it is spoken to.
    private(set) var kind: HTTPConnectionKind
    var probe: HandshakeProbe?
    /// It has shaken hands.
    var isProven = false
    /// It is ready but for that.
    var isAwaited = false
    /// The cluster's keys have changed since.
    var isOutdated = false
    var isBeingRenewed = false

    /// Gives nothing to anybody yet.
    /// - Throws: if there is no memory.
    init(_ keys: [PreSharedKey]) throws(TLSError) {
        self.keys = keys
        kind = try .plain.secured(by: keys[0])
    }

    func replace(by keys: [PreSharedKey]) throws(TLSError) {
        kind = try .plain.secured(by: keys[0])
        self.keys = keys
    }

    func stop() {
        probe?.stop()
        probe = nil
    }

    /// Writes the file, or replaces it by renaming; it stays its owner's. Blocks.
    static func write(_ keys: [PreSharedKey], to path: String) throws(FileError) {
        let owner = try? FileSystem.status(of: path).owner
        try FileSystem.replace(path) { aside throws(FileError) in
            let file = try BlockingFile(aside, .createNew(permissions: 0o400))
            try file.write(PreSharedKeyFile.bytes(keys))
            if let owner, owner != geteuid() { try file.give(to: owner) }
        }
    }
}

extension BlockingFile {
    fileprivate func give(to owner: UInt32) throws(FileError) {
        guard fchown(descriptor, owner, gid_t.max) == 0 else { throw FileError("change the owner of", path) }
    }
}
