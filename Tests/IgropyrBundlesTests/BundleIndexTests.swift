import IgropyrBundles
import TestSupport
import Testing

private let (x86, arm) = (ProgramMachine(rawValue: "x86_64")!, ProgramMachine(rawValue: "aarch64")!)

private func chunk(_ name: String, _ byteCount: Int = ContentChunker.minimumBytes) -> BundleIndex.Chunk {
    .init(digest: ChunkDigest(of: Array(name.utf8)), byteCount: byteCount)
}

@Suite struct `A bundle's index` {
    private let index: BundleIndex

    init() throws {
        index = try BundleIndex(machines: [x86, arm], chunks: [chunk("a"), chunk("b"), chunk("a"), chunk("c", 5)])
    }

    @Test func `has its recorded bytes and comes back from them`() throws {
        let head = Array("igrbndl1".utf8) + [2, 7] + Array("aarch64".utf8) + [6] + Array("x86_64".utf8)
        #expect(index.bytes.starts(with: head + [0, 0, 0x40, 0]))
        #expect(index.bytes.count == head.count + 4 * 36 && index.byteCount == 3 * 16_384 + 5)
        let digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
        #expect(index.chunks[0].digest.description == digest)
        #expect(index.digest.rawValue == "9e7e04e2e21a28ebd33d6e8ea6dd3bc710730f2d97e893390b1ea9ad18cc62d4")
        #expect(index.distinctChunks == [chunk("a"), chunk("b"), chunk("c", 5)])
        #expect(try BundleIndex(bytes: index.bytes) == index)
        #expect(index.fits(arm) && !index.fits(ProgramMachine(rawValue: "riscv64")!))
    }

    @Test func `is refused cut at any place but between chunks`() throws {
        let bytes = index.bytes
        for count in 0..<bytes.count {
            let isWhole = count > 24 && (count - 24) % 36 == 0
            #expect(isWhole == ((try? BundleIndex(bytes: Array(bytes[..<count]))) != nil), "cut at \(count)")
        }
    }

    @Test func `is refused with what no bundle has`() {
        let rows: [(BundleIndexError, () throws(BundleIndexError) -> BundleIndex)] = [
            (.malformed, { () throws(BundleIndexError) in try BundleIndex(chunks: []) }),
            (.malformed, { () throws(BundleIndexError) in try BundleIndex(chunks: [chunk("a", 0)]) }),
            (.malformed, { () throws(BundleIndexError) in try BundleIndex(chunks: [chunk("a", 100), chunk("b")]) }),
            (.malformed, { () throws(BundleIndexError) in try BundleIndex(chunks: [chunk("a", 256 << 10 + 1)]) }),
            (.malformed, { () throws(BundleIndexError) in try BundleIndex(chunks: [chunk("a"), chunk("a", 16_385)]) }),
            (
                .tooLarge,
                { () throws(BundleIndexError) in
                    try BundleIndex(chunks: Array(repeating: chunk("a", 256 << 10), count: 9217))
                }
            ),
            (
                .tooLarge,
                { () throws(BundleIndexError) in
                    try BundleIndex(chunks: Array(repeating: chunk("a"), count: BundleIndex.chunkLimit + 1))
                }
            ),
            (.notAnIndex, { () throws(BundleIndexError) in try BundleIndex(bytes: Array("igrbndl2".utf8) + [0]) }),
            (.malformed, { () throws(BundleIndexError) in try BundleIndex(bytes: Array("igrbndl1".utf8) + [0]) }),
            (
                .malformed,
                { () throws(BundleIndexError) in
                    let machines = [2, 6] + Array("x86_64".utf8) + [7] + Array("aarch64".utf8)
                    return try BundleIndex(bytes: Array("igrbndl1".utf8) + machines + self.index.bytes[24...])
                }
            ),
        ]
        for (number, (error, make)) in rows.enumerated() {
            #expect(throws: error, "row \(number)") { _ = try make() }
        }
    }

    @Test func `is made of an archive as it comes`() throws {
        var random = SplitMix(seed: 4)
        let bytes = random.bytes(500_000)
        var (whole, pieces) = (BundleIndexer(), BundleIndexer())
        whole.append(bytes)
        for start in stride(from: 0, to: bytes.count, by: 10_240) {
            pieces.append(Array(bytes[start..<min(start + 10_240, bytes.count)]))
        }
        let index = try whole.finish(machines: [])
        #expect(try pieces.finish(machines: []) == index)
        var start = 0
        for chunk in index.chunks {
            #expect(ChunkDigest(of: Array(bytes[start..<start + chunk.byteCount])) == chunk.digest)
            start += chunk.byteCount
        }
        #expect(start == bytes.count && index.byteCount == 500_000)
    }

    @Test func `of damaged bytes is another one or none`() throws {
        var random = SplitMix(seed: 5)
        for _ in 0..<1000 {
            var bytes = index.bytes
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            guard let damaged = try? BundleIndex(bytes: bytes) else { continue }
            #expect(damaged.digest != index.digest && damaged.bytes == bytes)
            #expect(try BundleIndex(machines: Set(damaged.machines), chunks: damaged.chunks).bytes == bytes)
        }
    }
}

@Suite struct `A set of chunks` {
    @Test func `goes over the wire, and nothing else comes in`() {
        var set = ChunkSet(capacity: 11)
        let inserted = [0, 10, 10].map { set.insert($0) }
        #expect(inserted == [true, true, false])
        #expect(set.bytes == [0x80, 0x20] && set.count == 2)
        #expect(ChunkSet(bytes: set.bytes, capacity: 11) == set)
        for bytes: [UInt8] in [[0x80], [0x80, 0x20, 0], [0x80, 0x10]] {
            #expect(ChunkSet(bytes: bytes, capacity: 11) == nil)
        }
        #expect(set.inverted.count == 9 && !set.inverted.contains(10) && ChunkSet.all(of: 11).isFull)
        set.remove(0)
        #expect(set.count == 1 && !set.contains(0))
    }

    @Test func `a chunk's name is 64 hexadecimal digits`() {
        let digest = ChunkDigest(of: [])
        #expect(digest.description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(ChunkDigest(hexadecimal: digest.description) == digest)
        let name = digest.description
        for text in ["", String(name.dropLast()), name.uppercased(), name + "0"] {
            #expect(ChunkDigest(hexadecimal: text) == nil)
        }
    }
}

@Suite struct `A program's machine` {
    @Test func `is read from its head`() {
        func head(_ machine: UInt8, wide: Bool = true, big: Bool = false) -> [UInt8] {
            [0x7f] + Array("ELF".utf8) + [wide ? 2 : 1, big ? 2 : 1] + [UInt8](repeating: 0, count: 12)
                + (big ? [0, machine] : [machine, 0])
        }
        let rows: [([UInt8], String?)] = [
            (head(62), "x86_64"), (head(183), "aarch64"), (head(243), "riscv64"), (head(22, big: true), "s390x"),
            (head(40, wide: false), "armv7l"), (head(3, wide: false), "i686"), (head(1), nil),
            (head(62, big: true), nil),
            (Array("#!/bin/sh\nexec something long enough".utf8), nil), (Array(head(62).dropLast()), nil), ([], nil),
        ]
        for (head, name) in rows { #expect(ProgramMachine(programHead: head)?.rawValue == name) }
    }

    @Test func `has its build in a folder beside the program's own place`() {
        #expect(x86.variant(of: "bin/Hello") == "bin/x86_64/Hello" && arm.variant(of: "Hello") == "aarch64/Hello")
    }

    @Test func `has a plain name`() {
        for name in ["", "X86", "a/b", "..", "x86-64", String(repeating: "a", count: 17)] {
            #expect(ProgramMachine(rawValue: name) == nil)
        }
    }
}
