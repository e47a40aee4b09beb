internal import IgropyrBundles
internal import IgropyrOrchestration

/// The chunks of a store, and the room for them.
extension BundleStore {
    func path(_ chunk: ChunkDigest) -> String { "\(chunkFolder)/\(chunk)" }

    /// Which chunks of a bundle are here and right; all are read, and those that are damaged removed.
    func stock(of index: BundleIndex) -> ChunkSet {
        var held = ChunkSet(capacity: index.distinctChunks.count)
        for (number, chunk) in index.distinctChunks.enumerated() where (try? read(chunk.digest)) != nil {
            held.insert(number)
        }
        return held
    }

    /// - Throws: ``BundleError/Code/missing``; ``BundleError/Code/digestMismatch`` if it was damaged on the disk, and
    ///   is gone now.
    func read(_ chunk: ChunkDigest) throws(BundleError) -> [UInt8] {
        let path = path(chunk)
        let bytes: [UInt8]
        do throws(FileError) {
            // One more than there may be, so that a file that is too long does not pass.
            bytes = try BlockingFile(path, .read).read(upTo: ContentChunker.maximumBytes + 1)
        } catch {
            guard error.isMissing else { throw BundleError(error) }
            throw BundleError(.missing, path, "the chunk \(chunk) is not in \(chunkFolder)")
        }
        guard ChunkDigest(of: bytes) == chunk else {
            try? FileSystem.removeTree(path)
            throw BundleError(.digestMismatch, path, "\(path) was damaged on the disk, and has to be fetched again")
        }
        return bytes
    }

    /// - Throws: ``BundleError/Code/digestMismatch`` if that is not what the bytes are.
    func write(_ bytes: [UInt8], as chunk: ChunkDigest) throws(BundleError) {
        guard ChunkDigest(of: bytes) == chunk else {
            throw BundleError(.digestMismatch, chunkFolder, "what arrived is not the chunk \(chunk): send it again")
        }
        guard !FileSystem.exists(path(chunk)) else { return }
        try writeAside(bytes, to: path(chunk))
    }

    func hasAllChunks(_ index: BundleIndex) -> Bool {
        index.distinctChunks.allSatisfy { chunk in
            (try? FileSystem.status(of: path(chunk.digest)))?.byteCount == Int64(chunk.byteCount)
        }
    }

    /// A bundle's archive, put together from its chunks, each checked.
    func archive(of index: BundleIndex) -> ArchiveSource {
        var chunks = index.chunks[...]
        return ArchiveSource(name: "the bundle \(index.digest.short)", byteCount: index.byteCount) {
            () throws(BundleError) in
            guard let chunk = chunks.popFirst() else { return [] }
            return try read(chunk.digest)
        }
    }

    /// Removes the chunks that no bundle has.
    func collectChunks() throws(BundleError) {
        try gate.withLock { (_: inout sending Void) throws(BundleError) in
            var referenced: Set<String> = []
            for digest in try digests(Self.indexSuffix) + digests(Self.partialSuffix) {
                guard let index = try? index(digest) else { continue }
                referenced.formUnion(index.distinctChunks.map(\.digest.description))
            }
            try BundleError.wrapping { () throws(FileError) in
                for name in try FileSystem.names(in: chunkFolder) where ChunkDigest(hexadecimal: name) != nil {
                    guard !referenced.contains(name) else { continue }
                    try FileSystem.removeTree("\(chunkFolder)/\(name)")
                }
            }
        }
    }

    /// Of chunks, and of folders that are or will be unpacked.
    private func usedBytes() throws(BundleError) -> Int64 {
        var chunks: Set<BundleIndex.Chunk> = []
        var unpacked: Int64 = 0
        for digest in try digests(Self.indexSuffix) + digests(Self.partialSuffix) {
            guard let index = try? index(digest) else { continue }
            chunks.formUnion(index.distinctChunks)
            unpacked += index.byteCount
        }
        return unpacked + chunks.reduce(0) { $0 + Int64($1.byteCount) }
    }

    /// Some room stays free for what else the host writes: a twentieth of the file system, at most 256 MiB.
    func requireSpace(for index: BundleIndex) throws(BundleError) {
        let absent = index.distinctChunks.filter { !FileSystem.exists(path($0.digest)) }
        let isUnpacked = FileSystem.exists(path(index.digest, ""))
        let need = absent.reduce(isUnpacked ? 0 : index.byteCount) { $0 + Int64($1.byteCount) }
        let space = try BundleError.wrapping { () throws(FileError) in try FileSystem.space(at: path) }
        let reserve = min(space.totalBytes / 20, 256 << 20)
        guard need <= space.freeBytes - reserve else {
            throw BundleError(
                .diskFull, path,
                "the bundle \(index.digest.short) needs \(Self.text(need)) in \(path), where \(Self.text(space.freeBytes)) are "
                    + "free and \(Self.text(reserve)) have to stay so: free space on its file system and try again")
        }
        guard need <= limitBytes - (try usedBytes()) else {
            throw BundleError(
                .diskFull, path,
                "the bundle \(index.digest.short) needs \(Self.text(need)), and \(path) may hold \(Self.text(limitBytes)): free space "
                    + "by removing applications, and try again")
        }
    }

    private static func text(_ bytes: Int64) -> String {
        bytes < 1_000_000 ? "\(bytes / 1000) kB" : "\(bytes / 1_000_000) MB"
    }
}
