internal import Crypto

/// Makes the index of an archive while it is written; holds nothing of it but the hash of the chunk at hand.
public struct BundleIndexer {
    private var chunker = ContentChunker()
    private var hash = SHA256()
    private var byteCount = 0
    private var chunks: [BundleIndex.Chunk] = []

    public init() {}

    /// Takes the archive's next bytes.
    public mutating func append(_ bytes: [UInt8]) {
        var start = 0
        while let cut = chunker.nextCut(in: bytes.span.extracting(start..<bytes.count)) {
            take(bytes[start..<start + cut])
            endChunk()
            start += cut
        }
        take(bytes[start...])
    }

    /// - Throws: ``BundleIndexError/malformed`` if nothing came, ``BundleIndexError/tooLarge``.
    public mutating func finish(machines: Set<ProgramMachine>) throws(BundleIndexError) -> BundleIndex {
        if byteCount > 0 { endChunk() }
        return try BundleIndex(machines: machines, chunks: chunks)
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        hash.update(data: bytes)
        byteCount += bytes.count
    }

    private mutating func endChunk() {
        chunks.append(.init(digest: ChunkDigest(hash.finalize()), byteCount: byteCount))
        hash = SHA256()
        byteCount = 0
    }
}
