import Testing

@testable import IgropyrCluster

private let tar = TarBytes()
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
    ("twice", tar.adding("a", content: "x").adding("./a", content: "y"), .damaged),
]

@Suite struct `An archive from a stranger` {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func extract(_ archive: [UInt8], limits: BundleArchive.Limits = .init()) throws -> BundleError? {
        try AtomicFile.write(archive, to: folder("archive"), permissions: 0o600)
        do throws(BundleError) {
            try BundleArchive.extract(from: folder("archive"), to: folder("out"), limits: limits)
        } catch { return error }
        return nil
    }

    @Test(arguments: hostile)
    func `is refused if it could reach outside or swell`(name: String, archive: TarBytes, code: BundleError.Code) throws
    {
        let error = try extract(archive.archive)
        #expect(error?.code == code, "\(name): \(error?.description ?? "none")")
        #expect(try folder.names() == ["archive"])
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
            #expect(try folder.names() == ["archive"])
        }
    }

    @Test func `is refused cut at any place, if its digest is known`() throws {
        let whole = site.adding("a/f", content: String(repeating: "x", count: 1000)).adding("g", content: "y").archive
        try AtomicFile.write(whole, to: folder("whole"), permissions: 0o600)
        let digest = try ArchiveDigest.ofFile(at: folder("whole"), synchronizing: false)
        for count in stride(from: 0, to: whole.count, by: 97) {
            try AtomicFile.write(Array(whole[..<count]), to: folder("archive"), permissions: 0o600)
            #expect(throws: BundleError.self, "cut at \(count)") {
                try BundleArchive.extract(from: folder("archive"), to: folder("out"), expecting: digest)
            }
            #expect(try folder.names() == ["archive", "whole"])
        }
        try BundleArchive.extract(from: folder("whole"), to: folder("out"), expecting: digest)
    }

    @Test func `does no harm with damaged bytes`() throws {
        let whole = site.adding("a/f", content: "content").adding("a/l", .link, target: "../a/f").archive
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var damaged = whole
            for _ in 0..<3 { damaged[Int.random(in: 0..<2560, using: &random)] = .random(in: 0...255, using: &random) }
            let error = try extract(damaged)
            #expect(try folder.names() == (error == nil ? ["archive", "out"] : ["archive"]))
            try FileSystem.removeTree(folder("out"))
        }
    }
}
