import IgropyrOrchestration
import Testing

@testable import IgropyrCluster

@Suite struct `A bundle store` {
    let folder: TemporaryFolder
    let store: BundleStore

    init() throws {
        folder = try TemporaryFolder()
        store = try BundleStore(openingAt: folder("data/bundles"))
    }

    /// An archive at a temporary path of the store, as a finished download is.
    private func arrival(_ content: String = "hello") throws -> (path: String, digest: BundleDigest) {
        try folder.write(content, to: "site/index.html")
        let path = store.temporaryPath()
        return (path, try BundleArchive.create(from: folder("site"), to: path).digest)
    }

    @Test func `keeps what arrives under its digest and unpacks it once`() throws {
        let (path, digest) = try arrival()
        #expect(!store.contains(digest))
        #expect(throws: BundleError.self) { try store.path(digest) }
        #expect(throws: BundleError.self) { try store.extracted(digest) }

        try store.import(from: path, expecting: digest)
        #expect(store.contains(digest) && !FileSystem.exists(path))
        #expect(try store.path(digest) == folder("data/bundles/\(digest).tar"))
        #expect(try store.extracted(digest) == folder("data/bundles/\(digest)"))
        #expect(try folder.read("data/bundles/\(digest)/index.html") == "hello")

        try folder.write("touched", to: "data/bundles/\(digest)/mark")  // A second unpacking would lose it.
        #expect(try store.extracted(digest) == folder("data/bundles/\(digest)"))
        #expect(try folder.names("data/bundles/\(digest)") == ["index.html", "mark"])
        try store.import(from: arrival().path, expecting: digest)  // Again: no harm.
        #expect(try store.list() == [digest])
    }

    @Test func `refuses what is not what was expected, and removes it`() throws {
        let (path, _) = try arrival()
        let other = try #require(BundleDigest(rawValue: String(repeating: "07", count: 32)))
        let error = #expect(throws: BundleError.self) { try store.import(from: path, expecting: other) }
        #expect(error?.code == .digestMismatch && error?.description.contains(other.rawValue) == true)
        #expect(try !FileSystem.exists(path) && store.list().isEmpty)
    }

    @Test func `removes an archive that was damaged on the disk, so that it is fetched again`() throws {
        let (path, digest) = try arrival()
        try store.import(from: path, expecting: digest)
        var bytes = try AtomicFile.read(store.path(digest), limitBytes: 1 << 20)
        bytes[512] ^= 1  // In the content, where no checksum of tar's stands.
        try AtomicFile.write(bytes, to: store.path(digest), permissions: 0o600)
        let error = #expect(throws: BundleError.self) { try store.extracted(digest) }
        #expect(error?.code == .digestMismatch && !store.contains(digest))
        #expect(try folder.names("data/bundles") == ["boot"])
    }

    @Test func `unpacks for many threads at once`() async throws {
        let (path, digest) = try arrival(String(repeating: "x", count: 1 << 20))
        try store.import(from: path, expecting: digest)
        let store = store
        let folders = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 { group.addTask { @concurrent in try store.extracted(digest) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(folders == [folder("data/bundles/\(digest)")])
        #expect(try folder.names("data/bundles") == ["boot", "\(digest)", "\(digest).tar"].sorted())
    }

    @Test func `lists in the order of the digests and removes all of a bundle`() throws {
        var digests: [BundleDigest] = []
        for content in ["a", "b", "c"] {
            let (path, digest) = try arrival(content)
            try store.import(from: path, expecting: digest)
            digests.append(digest)
        }
        try folder.write("", to: "data/bundles/other.tar")
        #expect(try store.list() == digests.sorted())
        _ = try store.extracted(digests[0])
        try store.remove(digests[0])
        try store.remove(digests[0])
        #expect(try store.list() == digests[1...].sorted())
        #expect(
            try !folder.names("data/bundles").contains { $0.hasPrefix(digests[0].rawValue) || $0.hasPrefix(".") })
    }

    @Test func `forgets what a crash left unfinished, and keeps the rest`() throws {
        let (path, digest) = try arrival()
        try store.import(from: path, expecting: digest)
        _ = try store.extracted(digest)
        _ = try arrival("half a download")
        try folder.write("half unpacked", to: "data/bundles/.unfinished-x/a/b")
        let names = try BundleStore(openingAt: store.path)
        #expect(try names.list() == [digest])
        #expect(try folder.names("data/bundles") == ["boot", "\(digest)", "\(digest).tar"].sorted())
    }

    @Test func `unpacks anew after a reboot`() throws {
        let (path, digest) = try arrival()
        try store.import(from: path, expecting: digest)
        try folder.write("", to: "data/bundles/\(digest)/emptied by a power cut")
        try folder.write("another boot", to: "data/bundles/boot")
        let reopened = try BundleStore(openingAt: store.path)
        #expect(try folder.names("data/bundles") == ["boot", "\(digest).tar"].sorted())
        _ = try reopened.extracted(digest)
        #expect(try folder.names("data/bundles/\(digest)") == ["index.html"])
    }
}
