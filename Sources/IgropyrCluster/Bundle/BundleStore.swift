public import IgropyrOrchestration

/// The bundles that a host holds, in a folder: `<digest>.tar` as it travels, `<digest>` as its workers see it.
///
/// Whatever appears under such a name is whole: it is made aside and renamed. All calls block; run them on the thread
/// pool, from any number of threads. One process at a time: whoever opens the store owns the folder.
public struct BundleStore: Sendable {
    /// Of an archive, on top of its files: heads, long paths and padding of 100 000 entries.
    static let overheadBytes: Int64 = 256 << 20

    public let path: String
    public let limits: BundleArchive.Limits

    /// Creates the folder where it is missing and removes what a crash left unfinished.
    ///
    /// After a reboot unpacked bundles are dropped, to be unpacked again when wanted: a power cut may have emptied
    /// files in them, and waiting for the disk at each file would slow down the start of workers.
    public init(openingAt path: String, limits: BundleArchive.Limits = .init()) throws(BundleError) {
        self.limits = limits
        do throws(FileError) {
            try FileSystem.createFolders(path, permissions: 0o700)
            self.path = try FileSystem.resolved(path)
            for name in try FileSystem.names(in: self.path) where name.hasPrefix(FileSystem.temporaryPrefix) {
                try FileSystem.removeTree("\(self.path)/\(name)")
            }
            try dropFoldersOfEarlierBoot()
        } catch { throw BundleError(error) }
    }

    /// The bundles whose archives are here, in the order of their digests.
    public func list() throws(BundleError) -> [BundleDigest] {
        let names = try BundleError.wrapping { () throws(FileError) in try FileSystem.names(in: path) }
        return names.filter { $0.hasSuffix(".tar") }.compactMap { BundleDigest(rawValue: String($0.dropLast(4))) }
            .sorted()
    }

    public func contains(_ digest: BundleDigest) -> Bool { FileSystem.exists(archivePath(digest)) }

    /// Where the archive is, to be sent to a peer.
    /// - Throws: ``BundleError/Code/missing``.
    public func path(_ digest: BundleDigest) throws(BundleError) -> String {
        guard contains(digest) else { throw missing(digest) }
        return archivePath(digest)
    }

    /// A fresh path on the store's own file system, for a download or a new archive; nothing is there yet. It goes at
    /// the next opening, unless ``import(from:expecting:)`` takes it before.
    public func temporaryPath() -> String { FileSystem.temporarySibling(of: "\(path)/incoming") }

    /// Takes over a file that was written to ``temporaryPath()``, once its SHA-256 is `digest`. Otherwise, and on any
    /// other error, the file is removed.
    /// - Throws: ``BundleError/Code/digestMismatch``.
    public func `import`(from file: String, expecting digest: BundleDigest) throws(BundleError) {
        do throws(BundleError) {
            let actual = try BundleError.wrapping { () throws(FileError) in
                try ArchiveDigest.ofFile(at: file, synchronizing: true)
            }
            guard actual == digest else {
                throw BundleError(
                    .digestMismatch, file, "the bundle that arrived is \(actual), not \(digest): fetch it again")
            }
            try BundleError.wrapping { () throws(FileError) in
                try FileSystem.rename(file, to: archivePath(digest))
                try FileSystem.synchronizeFolder(path)
            }
        } catch {
            try? FileSystem.removeTree(file)
            throw error
        }
    }

    /// The folder with the bundle's files; unpacks the archive the first time. An archive that proves damaged is
    /// removed, so that it is fetched again.
    /// - Throws: ``BundleError/Code/missing``, ``BundleError/Code/digestMismatch`` and what
    ///   ``BundleArchive/extract(from:to:expecting:limits:)`` throws.
    public func extracted(_ digest: BundleDigest) throws(BundleError) -> String {
        let folder = folderPath(digest)
        if FileSystem.exists(folder) { return folder }
        guard contains(digest) else { throw missing(digest) }
        do throws(BundleError) {
            try BundleArchive.extract(from: archivePath(digest), to: folder, expecting: digest, limits: limits)
        } catch {
            if FileSystem.exists(folder) { return folder }  // Another thread was faster.
            if error.code == .digestMismatch || error.code == .damaged {
                try? FileSystem.removeTree(archivePath(digest))
            }
            throw error
        }
        return folder
    }

    /// Removes archive and folder; none there is fine. The caller sees to it that no worker runs from the folder.
    public func remove(_ digest: BundleDigest) throws(BundleError) {
        try BundleError.wrapping { () throws(FileError) in
            for name in [archivePath(digest), folderPath(digest)] where FileSystem.exists(name) {
                // Renamed first, so that no half of a folder is ever seen under its name.
                let aside = FileSystem.temporarySibling(of: name)
                try FileSystem.rename(name, to: aside)
                try FileSystem.removeTree(aside)
            }
        }
    }

    private func archivePath(_ digest: BundleDigest) -> String { "\(folderPath(digest)).tar" }
    private func folderPath(_ digest: BundleDigest) -> String { "\(path)/\(digest)" }

    private func missing(_ digest: BundleDigest) -> BundleError {
        BundleError(.missing, path, "the bundle \(digest) is not in \(path)")
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
