import IgropyrBundles

/// What a peer says that a bundle is made of.
enum BundleIndexTarget: FuzzTarget {
    static let name = "index"

    static func run(_ input: [UInt8]) {
        guard let index = try? BundleIndex(bytes: input) else { return }
        require(index.bytes == input)
        guard let copy = try? BundleIndex(machines: Set(index.machines), chunks: index.chunks) else {
            fatalError("what was read cannot be written")
        }
        require(copy == index && copy.bytes == input, "one list has two forms")
        require(index.chunks.count <= BundleIndex.chunkLimit && index.byteCount <= BundleIndex.archiveLimitBytes)
        require(Set(index.distinctChunks).count == index.distinctChunks.count)
        require(Set(index.distinctChunks) == Set(index.chunks))
        require(index.chunks.allSatisfy { 1...ContentChunker.maximumBytes ~= $0.byteCount })
        let capacity = index.distinctChunks.count
        let bits = Array(input.suffix((capacity + 7) / 8))
        if let set = ChunkSet(bytes: bits, capacity: capacity) {
            require(
                set.count == (0..<capacity).count { set.contains($0) } && set.inverted.count == capacity - set.count)
        }
    }
}
