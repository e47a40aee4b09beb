import Glibc
import TestSupport
import Testing

@testable import IgropyrUV

@Suite struct FolderStatusTests {
    private static let paths: [(path: String, kind: Folder.Status.Kind?)] = [
        ("file", .file), ("sub", .folder), ("sub/file", .file), ("pipe", .other), ("sub/pipe", .other), ("", .folder),
        ("none", nil), ("sub/none", nil), ("file/none", nil), ("..", nil), ("sub/../..", nil),
        ("out/etc", nil),
    ]

    @Test(arguments: [Folder.Symlinks.refused, .beneath])
    func `a path tells what stands there, and nothing of what is outside`(symlinks: Folder.Symlinks) throws {
        let place = try TemporaryFolder()
        try #require(mkdir(place.path + "/sub", 0o700) == 0)
        for name in ["file", "sub/file"] { try place.write(name, "content") }
        for name in ["pipe", "sub/pipe"] { try #require(mkfifo(place.path + "/" + name, 0o600) == 0) }
        for name in ["out", "sub/out"] { try #require(symlink("/", place.path + "/" + name) == 0) }
        try #require(symlink("sub/file", place.path + "/link") == 0)
        let folder = try Folder(place.path, symlinks: symlinks)
        for (path, kind) in Self.paths { #expect((try? folder.status(of: path).kind) == kind, "\(path)") }
        for (path, target) in [("out", nil), ("sub/out", nil), ("link", Folder.Status.Kind.file)] {
            #expect((try? folder.status(of: path).kind) == (symlinks == .beneath ? target : .other), "\(path)")
        }
        guard case .file(let file) = try folder.open(beneath: "file") else { throw POSIXFailure() }
        #expect(try folder.status(of: "file").identity == file.identity)
    }

    @Test func `where the kernel does not, a walk keeps beneath the folder, and refuses links`() throws {
        let (place, other) = (try TemporaryFolder(), try TemporaryFolder())
        let sub = place.path + "/sub"
        try #require(mkdir(sub, 0o700) == 0)
        // As a character, a slash is another one with a mark behind it.
        for path in [place.path, sub, other.path] {
            close(open(path + "/\u{301}file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        }
        for name in ["out", "sub/out"] { try #require(symlink(other.path, place.path + "/" + name) == 0) }
        let folder = try Folder(place.path)
        for path in ["\u{301}file", "sub/\u{301}file", "sub"] { _ = try folder.walk(path, O_RDONLY | O_CLOEXEC) }
        for path in ["..", "sub/..", "sub/../\u{301}file", "out", "out/\u{301}file", "sub/out/\u{301}file"] {
            #expect(throws: UVError.self, "\(path)") { _ = try folder.walk(path, O_RDONLY | O_CLOEXEC) }
        }
    }

    @Test func `links that are followed lead wherever they do, and paths by themselves nowhere`() throws {
        let (place, other) = (try TemporaryFolder(), try TemporaryFolder())
        try other.write("file", "content")
        try #require(symlink(other.path, place.path + "/out") == 0)
        let name = String(other.path.split(separator: "/").last ?? "")
        try #require(symlink("../\(name)/file", place.path + "/climbs") == 0)
        let folder = try Folder(place.path, symlinks: .followed)
        for path in ["out/file", "climbs"] { #expect(try folder.status(of: path).kind == .file, "\(path)") }
        guard case .file = try folder.open(beneath: "out/file") else { throw POSIXFailure() }
        for path in ["..", "../\(name)/file", "out/../file", "\(other.path)/file", "/"] {
            #expect((try? folder.status(of: path)) == nil, "\(path)")
        }
    }

    @Test func `a temporary file gives its room back before it is closed`() throws {
        let file = try TemporaryFile()
        try file.append([1, 2, 3])
        #expect(try file.read(at: 0, count: 4) == [1, 2, 3])
        file.empty()
        #expect(try file.read(at: 0, count: 4) == [])
    }

    private struct POSIXFailure: Error {}
}
