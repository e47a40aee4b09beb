import IgropyrBundles
import TestSupport
import Testing

/// The lengths of the chunks, however the bytes come.
private func lengths(_ bytes: [UInt8], pieceBytes: Int = .max) -> [Int] {
    var chunker = ContentChunker()
    var lengths: [Int] = []
    var length = 0
    var position = 0
    while position < bytes.count {
        let end = min(bytes.count, position + min(pieceBytes, bytes.count))
        var rest = bytes.span.extracting(position..<end)
        while let cut = chunker.nextCut(in: rest) {
            lengths.append(length + cut)
            length = 0
            rest = rest.extracting(cut..<rest.count)
        }
        length += rest.count
        position = end
    }
    return length > 0 ? lengths + [length] : lengths
}

private func sample(_ seed: UInt64, _ count: Int) -> [UInt8] {
    var random = SplitMix(seed: seed)
    return random.bytes(count)
}

private func digests(_ bytes: [UInt8]) -> [ChunkDigest] {
    var start = 0
    return lengths(bytes).map { length in
        defer { start += length }
        return ChunkDigest(of: Array(bytes[start..<start + length]))
    }
}

@Suite struct `The chunker` {
    @Test func `cuts as recorded, so that all hosts share chunks`() {
        #expect(lengths([UInt8](repeating: 0, count: 600_000)) == [262_144, 262_144, 75_712])
        #expect(lengths(sample(1, 400_000)) == [107_936, 75_161, 70_138, 45_937, 87_745, 13_083])
        #expect(lengths(Array("short".utf8)) == [5] && lengths([]).isEmpty)
    }

    @Test(arguments: [7, 4096, 10_240, 100_000]) func `cuts the same however the bytes come`(pieceBytes: Int) {
        let bytes = sample(2, 300_000)
        #expect(lengths(bytes, pieceBytes: pieceBytes) == lengths(bytes))
    }

    @Test func `keeps to its bounds and comes near its normal length`() {
        let lengths = lengths(sample(3, 3 << 20))
        #expect(lengths.reduce(0, +) == 3 << 20)
        #expect(lengths.dropLast().allSatisfy { ContentChunker.minimumBytes...ContentChunker.maximumBytes ~= $0 })
        #expect(48 << 10...96 << 10 ~= (3 << 20) / lengths.count, "the mean is \((3 << 20) / lengths.count)")
    }

    @Test(arguments: 1...9 as ClosedRange<UInt64>) func `a change moves the cuts near it only`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let before = random.bytes(600_000)
        var after = before
        let place = Int.random(in: 0..<before.count, using: &random)
        switch seed % 3 {
        case 0: after.insert(contentsOf: random.bytes(Int.random(in: 1...1000, using: &random)), at: place)
        case 1: after.removeSubrange(place..<min(place + Int.random(in: 1...1000, using: &random), after.count))
        default: after[place] ^= 1
        }
        let fresh = Set(digests(after)).subtracting(digests(before))
        #expect(fresh.count <= 4, "seed \(seed): \(fresh.count) chunks")
    }
}
