internal import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrUV

/// The bundles that a host holds, in a folder: `chunks/<SHA-256>`, each once for all bundles that have it;
/// `<digest>.index` of a bundle that is whole, `<digest>.partial` of one whose chunks are still coming; and `<digest>`,
/// the folder that its workers see.
///
/// Everything is named by what it contains, so whatever a crash or a power cut leaves shows when it is read: opening
/// drops what is unfinished, and makes partial again what lacks a chunk. All calls block; run them on the thread pool,
/// from any number of threads. One process at a time: whoever opens the store owns the folder.
struct BundleStore: Sendable {
    static let indexSuffix = ".index"
    static let partialSuffix = ".partial"

    let path: String
    let limits: BundleArchive.Limits
    /// Of chunks and unpacked bundles together; a bundle that would exceed it is refused.
    let limitBytes: Int64
    let chunkFolder: String
    /// Held while a bundle is begun and while chunks are collected, so that none goes that was just counted as here.
    let gate = Locked(())

    /// Creates the folder where it is missing and removes what a crash left unfinished.
    ///
    /// After a reboot unpacked bundles are dropped, to be unpacked again when wanted: a power cut may have emptied
    /// files in them, and waiting for the disk at each file would slow down the start of workers.
    init(
        openingAt path: String, limits: BundleArchive.Limits = .init(), limitBytes: Int64 = 64 << 30
    ) throws(BundleError) {
        self.limits = limits
        self.limitBytes = limitBytes
        do throws(FileError) {
            try FileSystem.createFolders("\(path)/chunks", permissions: 0o700)
            self.path = try FileSystem.resolved(path)
            chunkFolder = "\(self.path)/chunks"
            for folder in [self.path, chunkFolder] {
                for name in try FileSystem.names(in: folder) where name.hasPrefix(FileSystem.temporaryPrefix) {
                    try FileSystem.removeTree("\(folder)/\(name)")
                }
            }
            try dropFoldersOfEarlierBoot()
        } catch { throw BundleError(error) }
        for digest in try list() where !isWhole(digest) { try demote(digest) }
    }

    /// The bundles that are whole, in the order of their digests.
    func list() throws(BundleError) -> [BundleDigest] { try digests(Self.indexSuffix) }

    func contains(_ digest: BundleDigest) -> Bool { FileSystem.exists(path(digest, Self.indexSuffix)) }

    /// Of a bundle that is whole or begun.
    /// - Throws: ``BundleError/Code/missing``.
    func index(_ digest: BundleDigest) throws(BundleError) -> BundleIndex {
        for suffix in [Self.indexSuffix, Self.partialSuffix] {
            if let index = readIndex(digest, suffix) { return index }
        }
        throw missing(digest)
    }

    /// Makes room for a bundle whose chunks are to come, and remembers what it is made of. One that is here already is
    /// merely marked as wanted now.
    /// - Throws: ``BundleError/Code/diskFull`` if it would not fit, with what to do.
    func begin(_ index: BundleIndex) throws(BundleError) {
        try gate.withLock { (_: inout sending Void) throws(BundleError) in
            guard !contains(index.digest) else { return }
            try requireSpace(for: index)
            try writeAside(index.bytes, to: path(index.digest, Self.partialSuffix))
        }
    }

    /// Declares a bundle whole that has all its chunks. `durably`: returns only once the disk has them; for a bundle
    /// that nobody else holds yet.
    /// - Throws: ``BundleError/Code/missing`` if one is not here.
    func complete(_ digest: BundleDigest, durably: Bool) throws(BundleError) {
        guard !contains(digest) else { return }
        let index = try index(digest)
        guard hasAllChunks(index) else { throw missing(digest) }
        do throws(FileError) {
            if durably {
                for chunk in index.distinctChunks { try BlockingFile(path(chunk.digest), .read).synchronize() }
                try BlockingFile(path(digest, Self.partialSuffix), .read).synchronize()
                try FileSystem.synchronizeFolder(chunkFolder)
            }
            try FileSystem.rename(path(digest, Self.partialSuffix), to: path(digest, Self.indexSuffix))
            if durably { try FileSystem.synchronizeFolder(path) }
        } catch {
            if contains(digest) { return }  // Another thread was faster.
            throw BundleError(error)
        }
    }

    /// The folder with the bundle's files; unpacks it the first time. A chunk that proves damaged is removed, and the
    /// bundle is partial again, so that the chunk is fetched anew.
    /// - Throws: ``BundleError/Code/missing``, ``BundleError/Code/digestMismatch`` and what
    ///   ``BundleArchive/extract(_:to:limits:)`` throws.
    func extracted(_ digest: BundleDigest) throws(BundleError) -> String {
        let folder = path(digest, "")
        if FileSystem.exists(folder) { return folder }
        guard contains(digest) else { throw missing(digest) }
        do throws(BundleError) {
            try BundleArchive.extract(archive(of: try index(digest)), to: folder, limits: limits)
        } catch {
            if FileSystem.exists(folder) { return folder }  // Another thread was faster.
            if error.code == .digestMismatch || error.code == .missing { try demote(digest) }
            throw error
        }
        return folder
    }

    /// When each bundle came, the whole and the partial ones, by the clock of this host.
    func times() throws(BundleError) -> [BundleDigest: UnixTime] {
        var times: [BundleDigest: UnixTime] = [:]
        for suffix in [Self.partialSuffix, Self.indexSuffix] {
            for digest in try digests(suffix) {
                times[digest] = (try? FileSystem.status(of: path(digest, suffix)))?.changed
            }
        }
        return times
    }

    /// Removes bundles, and with them the chunks that no other has; none there is fine. The caller sees to it that no
    /// worker runs from their folders, and that none is being fetched.
    func remove(_ digests: Set<BundleDigest>) throws(BundleError) {
        try BundleError.wrapping { () throws(FileError) in
            for name in digests.flatMap({ digest in
                [Self.indexSuffix, Self.partialSuffix, ""].map { path(digest, $0) }
            }) where FileSystem.exists(name) {
                // Renamed first, so that no half of a folder is ever seen under its name.
                let aside = FileSystem.temporarySibling(of: name)
                try FileSystem.rename(name, to: aside)
                try FileSystem.removeTree(aside)
            }
        }
        try collectChunks()
    }

    // MARK: - Parts

    func path(_ digest: BundleDigest, _ suffix: String) -> String { "\(path)/\(digest)\(suffix)" }

    func digests(_ suffix: String) throws(BundleError) -> [BundleDigest] {
        let names = try BundleError.wrapping { () throws(FileError) in try FileSystem.names(in: path) }
        return names.filter { $0.hasSuffix(suffix) }
            .compactMap { BundleDigest(rawValue: String($0.dropLast(suffix.count))) }.sorted()
    }

    /// Aside first: whoever reads finds all of it or nothing. Not synchronised: its name tells whether it is right.
    func writeAside(_ bytes: [UInt8], to path: String) throws(BundleError) {
        try BundleError.wrapping { () throws(FileError) in
            try FileSystem.replace(path) { aside throws(FileError) in
                try BlockingFile(aside, .createNew(permissions: 0o600)).write(bytes)
            }
        }
    }

    func missing(_ digest: BundleDigest) -> BundleError {
        BundleError(.missing, path, "the bundle \(digest) is not in \(path)")
    }

    /// Nil if it is not there, or is not what its name says.
    private func readIndex(_ digest: BundleDigest, _ suffix: String) -> BundleIndex? {
        guard let bytes = try? AtomicFile.read(path(digest, suffix), limitBytes: BundleIndex.limitBytes),
            let index = try? BundleIndex(bytes: bytes), index.digest == digest
        else { return nil }
        return index
    }

    private func isWhole(_ digest: BundleDigest) -> Bool {
        readIndex(digest, Self.indexSuffix).map(hasAllChunks) ?? false
    }

    private func demote(_ digest: BundleDigest) throws(BundleError) {
        try BundleError.wrapping { () throws(FileError) in
            try FileSystem.rename(path(digest, Self.indexSuffix), to: path(digest, Self.partialSuffix))
        }
    }

    private func dropFoldersOfEarlierBoot() throws(FileError) {
        // Where it cannot be read (no /proc), each opening counts as a reboot.
        let boot = try? AtomicFile.read("/proc/sys/kernel/random/boot_id", limitBytes: 128)
        let note = "\(path)/boot"
        if let boot, let noted = try? AtomicFile.read(note, limitBytes: 128), noted == boot { return }
        for name in try FileSystem.names(in: path) where BundleDigest(rawValue: name) != nil {
            try FileSystem.removeTree("\(path)/\(name)")
        }
        if let boot { try AtomicFile.write(boot, to: note, permissions: 0o600) }
    }
}
