import Glibc
import IgropyrBundles
import IgropyrOrchestration
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite struct `A bundle store` {
    let folder: TemporaryFolder
    let store: BundleStore

    init() throws {
        folder = try TemporaryFolder()
        store = try BundleStore(openingAt: folder("data/bundles"))
    }

    /// An archive of some megabytes that no chunk comes twice in; one character differs from seed to seed.
    private func archive(_ seed: Int = 0) throws -> (path: String, summary: BundleArchive.Summary) {
        try folder.write((0..<200_000).map { "\($0 * $0) " }.joined(), to: "site/data")
        try folder.write("hello \(seed)", to: "site/index.html")
        let path = folder("\(seed).tar")
        return (path, try BundleArchive.create(from: folder("site"), to: path))
    }

    @discardableResult
    private func storeBundle(_ seed: Int = 0) throws -> BundleArchive.Summary {
        let (path, summary) = try archive(seed)
        try store.take(summary, from: path)
        return summary
    }

    private func chunkNames() throws -> [String] { try folder.names("data/bundles/chunks") }

    @Test func `keeps what arrives chunk by chunk, and unpacks it once`() throws {
        let (path, summary) = try archive()
        let digest = summary.digest
        #expect(throws: BundleError.self) { try store.index(digest) }
        try store.begin(summary.index)
        #expect(!store.contains(digest) && store.stock(of: summary.index).count == 0)
        #expect(try store.index(digest) == summary.index && store.list().isEmpty)
        #expect(throws: BundleError.self) { try store.complete(digest, durably: true) }
        #expect(throws: BundleError.self) { try store.extracted(digest) }

        try store.take(summary, from: path)
        #expect(try store.contains(digest) && store.list() == [digest] && store.stock(of: summary.index).isFull)
        #expect(try store.extracted(digest) == folder("data/bundles/\(digest)"))
        #expect(try folder.read("data/bundles/\(digest)/index.html") == "hello 0")

        try folder.write("touched", to: "data/bundles/\(digest)/mark")  // A second unpacking would lose it.
        #expect(try store.extracted(digest) == folder("data/bundles/\(digest)"))
        #expect(try folder.names("data/bundles/\(digest)") == ["data", "index.html", "mark"])
        try store.take(summary, from: path)  // Again: no harm.
        #expect(try folder.names("data/bundles") == ["\(digest)", "\(digest).index", "boot", "chunks"].sorted())
    }

    @Test func `refuses a chunk that is not what it is called`() throws {
        let error = #expect(throws: BundleError.self) { try store.write([1, 2, 3], as: ChunkDigest(of: [1, 2])) }
        #expect(error?.code == .digestMismatch)
        #expect(try chunkNames().isEmpty)
    }

    @Test func `has the chunks that revisions share once, and drops those that none has`() throws {
        let (first, second) = (try storeBundle(1), try storeBundle(2))
        let (one, two) = (Set(first.index.distinctChunks), Set(second.index.distinctChunks))
        #expect(one.intersection(two).count > 5 && one != two)
        #expect(try chunkNames().count == one.union(two).count)
        _ = try store.extracted(first.digest)
        try store.remove([first.digest])
        try store.remove([first.digest])
        #expect(try chunkNames() == two.map(\.digest.description).sorted() && store.list() == [second.digest])
        #expect(try store.extracted(second.digest) == folder("data/bundles/\(second.digest)"))
        let stranger = folder("data/bundles/chunks/not ours")
        try AtomicFile.write([1], to: stranger, permissions: 0o600)
        try store.remove([second.digest])
        #expect(try chunkNames() == ["not ours"])
    }

    @Test func `keeps the chunks of a bundle that is still coming`() throws {
        let (path, summary) = try archive()
        try store.begin(summary.index)
        let bytes = try AtomicFile.read(path, limitBytes: 1 << 30)
        let chunk = summary.index.chunks[0]
        try store.write(Array(bytes[..<chunk.byteCount]), as: chunk.digest)
        try store.remove([])
        #expect(store.stock(of: summary.index).count == 1)
        let again = try BundleStore(openingAt: store.path)
        #expect(try again.stock(of: summary.index).count == 1 && again.times().keys.contains(summary.digest))
        try again.remove([summary.digest])
        #expect(try chunkNames().isEmpty)
    }

    @Test(arguments: [-1, 0]) func `asks again for a chunk that was damaged on the disk`(change: Int) throws {
        let summary = try storeBundle()
        let chunk = summary.index.distinctChunks[3]
        let path = store.path(chunk.digest)
        var bytes = try AtomicFile.read(path, limitBytes: 1 << 20)
        if change < 0 { bytes.removeLast() } else { bytes[512] ^= 1 }
        try AtomicFile.write(bytes, to: path, permissions: 0o600)
        let error = #expect(throws: BundleError.self) { try store.extracted(summary.digest) }
        #expect(error?.code == .digestMismatch && !store.contains(summary.digest))
        #expect(store.stock(of: summary.index).inverted.bytes == ChunkSet(only: 3, of: summary.index).bytes)
        try store.take(summary, from: folder("0.tar"))
        _ = try store.extracted(summary.digest)
    }

    @Test func `after a power cut has what is whole, and only that`() throws {
        let (first, second) = (try storeBundle(1), try storeBundle(2))
        _ = try store.extracted(first.digest)
        let lost = try #require(Set(second.index.distinctChunks).subtracting(first.index.distinctChunks).first)
        try AtomicFile.write([], to: store.path(lost.digest), permissions: 0o600)  // As ext4 leaves it.
        try folder.write("", to: "data/bundles/\(first.digest)/emptied")
        try folder.write("half", to: "data/bundles/.unfinished-x/a/b")
        try folder.write("half", to: "data/bundles/chunks/.unfinished-y")
        try folder.write("not what it is called", to: "data/bundles/\(String(repeating: "07", count: 32)).index")
        try folder.write("another boot", to: "data/bundles/boot")
        let reopened = try BundleStore(openingAt: store.path)
        #expect(try reopened.list() == [first.digest])
        #expect(try !folder.names("data/bundles").contains { $0.hasPrefix(".") || $0 == "\(first.digest)" })
        #expect(try !chunkNames().contains { $0.hasPrefix(".") })
        #expect(reopened.stock(of: second.index).inverted.count == 1)
        _ = try reopened.extracted(first.digest)
        #expect(try folder.names("data/bundles/\(first.digest)") == ["data", "index.html"])
    }

    @Test func `unpacks for many threads at once`() async throws {
        let digest = try storeBundle().digest
        let store = store
        let folders = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 { group.addTask { @concurrent in try store.extracted(digest) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(folders == [folder("data/bundles/\(digest)")])
        #expect(try !folder.names("data/bundles").contains { $0.hasPrefix(".") })
    }

    @Test func `begins nothing that its limit has no room for`() throws {
        let first = try storeBundle(1)
        let limited = try BundleStore(openingAt: store.path, limitBytes: 2 * first.archiveBytes + 100_000)
        let (_, second) = try archive(2)
        let error = #expect(throws: BundleError.self) { try limited.begin(second.index) }
        #expect(error?.code == .diskFull && error?.description.contains("may hold") == true)
        #expect(try limited.list() == [first.digest] && limited.times().count == 1)
        try limited.remove([first.digest])
        try limited.begin(second.index)
    }

    @Test(.enabled(if: canMount, "needs the right to mount a small file system"))
    func `begins nothing that the disk has no room for, and loses nothing when it fills up`() throws {
        try FileSystem.createFolder(folder("small"), permissions: 0o700)
        #expect(mount("igropyr-test", folder("small"), "tmpfs", 0, "size=4m") == 0)
        defer { umount2(folder("small"), Int32(MNT_DETACH)) }
        let small = try BundleStore(openingAt: folder("small/bundles"))
        try folder.write("hello", to: "page/index.html")
        let page = try BundleArchive.create(from: folder("page"), to: folder("page.tar"))
        try small.take(page, from: folder("page.tar"))
        let (_, large) = try archive()
        let error = #expect(throws: BundleError.self) { try small.begin(large.index) }
        #expect(error?.code == .diskFull && error?.description.contains("free space") == true)
        try AtomicFile.write([UInt8](repeating: 1, count: 3 << 20), to: folder("small/filler"), permissions: 0o600)
        let bytes = [UInt8](repeating: 2, count: ContentChunker.maximumBytes)
        let full = #expect(throws: BundleError.self) {
            for number in 0..<16 as Range<UInt8> {
                try small.write(bytes + [number], as: ChunkDigest(of: bytes + [number]))
            }
        }
        #expect(full?.code == .diskFull)
        #expect(try !folder.names("small/bundles/chunks").contains { $0.hasPrefix(".") })
        #expect(try small.list() == [page.digest] && small.stock(of: page.index).isFull)
    }
}

extension ChunkSet {
    fileprivate init(only number: Int, of index: BundleIndex) {
        self.init(capacity: index.distinctChunks.count)
        insert(number)
    }
}
