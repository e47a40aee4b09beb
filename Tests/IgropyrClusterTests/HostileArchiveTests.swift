import Testing

@testable import IgropyrCluster

private let tar = TarBytes()
/// Records of a pax header: each says its own length first.
private func pax(_ records: [String: String]) -> String {
    records.map { key, value in
        let rest = " \(key)=\(value)\n"
        let length = (1...4).map { $0 + rest.utf8.count }.first { "\($0)".count + rest.utf8.count == $0 } ?? 0
        return "\(length)\(rest)"
    }.joined()
}

private let site = tar.adding("a", .folder, mode: "0000755")

/// One rule a row; each archive is otherwise in order.
private let hostile: [(name: String, archive: TarBytes, code: BundleError.Code)] = [
    ("absolute path", tar.adding("/tmp/igropyr-escaped", content: "x"), .escapes),
    ("parent", tar.adding("../igropyr-escaped", content: "x"), .escapes),
    ("parent within", site.adding("a/../../igropyr-escaped", content: "x"), .escapes),
    ("parent that stays", site.adding("a/../b", content: "x"), .escapes),
    ("link to the root", tar.adding("l", .link, target: "/"), .escapes),
    ("link up", tar.adding("l", .link, target: ".."), .escapes),
    ("link up from below", site.adding("a/l", .link, target: "../../x"), .escapes),
    ("link through a link", site.adding("a/l", .link, target: "..").adding("m", .link, target: "a/l/../x"), .escapes),
    ("link to nothing", tar.adding("l", .link), .escapes),
    ("file through a link", site.adding("l", .link, target: "a").adding("l/x", content: "x"), .escapes),
    // By a slash that is one character with what stands before it.
    (
        "link through a link, unseen",
        site.adding("a/l\u{600}", .link, target: "..").adding("m", .link, target: "a/l\u{600}/.."), .escapes
    ),
    (
        "file through a link, unseen",
        site.adding("l\u{600}", .link, target: "a").adding("l\u{600}/x", content: "x"), .escapes
    ),
    ("folder over a link", site.adding("l", .link, target: "a").adding("l", .folder), .damaged),
    ("file over a link", site.adding("l", .link, target: "a").adding("l", content: "x"), .damaged),
    ("file below a file", tar.adding("f", content: "x").adding("f/x", content: "x"), .escapes),
    ("file below no folder", tar.adding("a/x", content: "x"), .escapes),
    ("file as the root", tar.adding(".", content: "x"), .escapes),
    ("link as the root", tar.adding("./", .link, target: "a"), .escapes),
    ("hard link outside", tar.adding("h", .hardLink, target: "/etc/passwd"), .escapes),
    ("hard link up", tar.adding("h", .hardLink, target: "../x"), .escapes),
    ("hard link to a link", tar.adding("l", .link, target: "x").adding("h", .hardLink, target: "l"), .escapes),
    ("hard link ahead", tar.adding("h", .hardLink, target: "x").adding("x", content: "x"), .escapes),
    ("device", tar.adding("d", .device), .unsupportedEntry),
    ("fifo", tar.adding("p", .fifo), .unsupportedEntry),
    ("size of a bomb", tar.adding("b", size: 3 << 30), .tooLarge),
    ("sizes that add up to a bomb", tar.adding("a", content: "x").adding("b", size: 2 << 30), .tooLarge),
    (
        "too deep",
        (1...65).reduce(tar) { tar, depth in
            let name = String(repeating: "d/", count: depth)
            return tar.adding("L", .longName, content: name + "\u{0}").adding("d", .folder)
        }, .tooLarge
    ),
    ("control character", tar.adding("a\u{1b}[2J", content: "x"), .unsupportedEntry),
    ("line end in a link", tar.adding("l", .link, target: "a\nb"), .escapes),
    (
        "sparse file",
        tar.adding("p", .pax, content: pax(["GNU.sparse.map": "0,1", "GNU.sparse.size": "900000"]))
            .adding("s", content: "x"), .unsupportedEntry
    ),
    ("absolute path by a second head", tar.adding("p", .pax, content: pax(["path": "/x"])).adding("s"), .escapes),
    ("parent by a long name", tar.adding("L", .longName, content: "../igropyr-escaped\u{0}").adding("s"), .escapes),
    ("twice", tar.adding("a", content: "x").adding("./a", content: "y"), .damaged),
]

@Suite struct `An archive from a stranger` {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func extract(_ archive: [UInt8], limits: BundleArchive.Limits = .init()) throws -> BundleError? {
        do throws(BundleError) {
            try BundleArchive.extract(ArchiveSource(archive, name: "test"), to: folder("out"), limits: limits)
        } catch { return error }
        return nil
    }

    @Test(arguments: hostile)
    func `is refused if it could reach outside or swell`(name: String, archive: TarBytes, code: BundleError.Code) throws
    {
        let error = try extract(archive.archive)
        #expect(error?.code == code, "\(name): \(error?.description ?? "none")")
        #expect(try folder.names().isEmpty)
        #expect(!FileSystem.exists("/tmp/igropyr-escaped"))
    }

    @Test func `is unpacked if it is in order, without its modes`() throws {
        let archive = tar.adding("./", .folder).adding("./a/", .folder, mode: "0000000")
            .adding("a/f", content: "x", mode: "0006777").adding("a/h", .hardLink, target: "./a/f")
            .adding("a/l", .link, target: "../a/f").adding("a/m", .link, target: "nowhere")
        #expect(try extract(archive.archive) == nil)
        #expect(try folder.names("out/a") == ["f", "h", "l", "m"])
        #expect(try folder.read("out/a/h") == "x" && folder.permissions("out/a") == 0o755)
        let executable = try FileSystem.status(of: folder("out/a/f"))
        #expect(executable.permissions == 0o755)
    }

    @Test func `is refused beyond the limit of entries`() throws {
        var limits = BundleArchive.Limits()
        limits.entries = 10
        let archive = (0..<11).reduce(tar) { $0.adding("f\($1)") }
        #expect(try extract(archive.archive, limits: limits)?.code == .tooManyEntries)
        limits.entries = 11
        #expect(try extract(archive.archive, limits: limits) == nil)
    }

    @Test func `is refused if it is no tar archive`() throws {
        let contents: [[UInt8]] = [
            Array("<html>not an archive</html>".utf8), [UInt8](repeating: 0xff, count: 2000), [0x1f, 0x8b, 8, 0, 0, 0],
        ]
        for content in contents {
            #expect(try extract(content)?.code == .damaged)
            #expect(try folder.names().isEmpty)
        }
    }

    @Test func `unpacks to no more than it has`() throws {
        // Each hard link is a name more, no byte more: the only way to more files than content, and it is counted.
        let links = (0..<10).reduce(tar.adding("f", content: "x")) { $0.adding("h\($1)", .hardLink, target: "f") }
        #expect(try extract(links.archive) == nil)
        try FileSystem.removeTree(folder("out"))
        var limits = BundleArchive.Limits()
        limits.totalBytes = .max
        let claims = tar.adding("a", content: "x", size: 100_000)
        #expect(try extract(claims.archive, limits: limits)?.code == .tooLarge)
    }

    @Test func `has names that end at a NUL, and is judged by what is left`() throws {
        #expect(try extract(tar.adding("a\u{0}/../../b", content: "x").archive) == nil)
        #expect(try folder.names("out") == ["a"])
    }

    @Test func `may have names that differ in case where the file system tells them apart, and only there`() throws {
        #expect(try extract(tar.adding("A", content: "1").adding("a", content: "2").archive) == nil)
        #expect(try folder.read("out/A") == "1" && folder.read("out/a") == "2")
        // A file system that folds case finds the one when asked for the other: as if the name were there already.
        let reader = try ArchiveReader(of: ArchiveSource(tar.adding("a", content: "3").archive, name: "test"))
        let entry = try #require(try reader.nextEntry())
        let extractor = try ArchiveExtractor(into: folder("out"))
        let error = #expect(throws: BundleError.self) { try extractor.write(entry, from: reader) }
        #expect(try error?.code == .damaged && folder.read("out/a") == "2")
    }

    @Test func `does no harm with damaged bytes`() throws {
        let whole = site.adding("a/f", content: "content").adding("a/l", .link, target: "../a/f").archive
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var damaged = whole
            for _ in 0..<3 { damaged[Int.random(in: 0..<2560, using: &random)] = .random(in: 0...255, using: &random) }
            let error = try extract(damaged)
            #expect(try folder.names() == (error == nil ? ["out"] : []))
            try FileSystem.removeTree(folder("out"))
        }
    }
}
