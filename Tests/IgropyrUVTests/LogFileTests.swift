import Glibc
import TestSupport
import Testing

@testable import IgropyrUV

@Test func `a file that could be logged to is found without being made`() throws {
    let place = try TemporaryFolder()
    let folder = place.path
    try LogFile.checkAppending(to: "\(folder)/new.log")
    #expect(access("\(folder)/new.log", F_OK) != 0)
    _ = try LogFile(appendingTo: "\(folder)/new.log")
    try LogFile.checkAppending(to: "\(folder)/new.log")
    for path in ["\(folder)/none/new.log", folder, "\(folder)/new.log/x"] {
        let expected = #expect(throws: UVError.self) { _ = try LogFile(appendingTo: path) }
        let found = #expect(throws: UVError.self) { try LogFile.checkAppending(to: path) }
        #expect(found?.code == expected?.code, "\(path)")
    }
}

/// Standard output may be a file that is written where it is, by a shell's `>`.
@Test(.enabled(if: canMount, "needs the right to mount a small file system"), arguments: [O_APPEND, 0])
func `a full disk cuts no line, and leaves no gap`(flags: Int32) throws {
    let folder = try TemporaryFolder()
    #expect(mount("igropyr-test", folder.path, "tmpfs", 0, "size=64k") == 0)
    defer { umount2(folder.path, Int32(MNT_DETACH)) }
    try folder.write("ballast", String(repeating: "x", count: 16 << 10))
    let descriptor = open("\(folder.path)/log", flags | O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let file = LogFile(descriptor: descriptor)
    let lines = Array(String(repeating: String(repeating: "x", count: 999) + "\n", count: 100).utf8)
    var offset = 1000
    do throws(UVError) {
        try file.append(lines, from: &offset)
        Issue.record("there was room")
    } catch {
        #expect(error.code == -ENOSPC)
    }
    #expect(offset > 1000 && offset % 1000 == 0)
    #expect(try folder.read("log").utf8.count == offset - 1000)
    unlink("\(folder.path)/ballast")
    var start = 0
    try file.append(Array("more\n".utf8), from: &start)
    #expect(try Array(folder.read("log").utf8) == Array(lines[1000..<offset]) + Array("more\n".utf8))
}
