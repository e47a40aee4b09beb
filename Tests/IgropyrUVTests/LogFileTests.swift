import Glibc
import IgropyrUV
import TestSupport
import Testing

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

@Test(.enabled(if: canMount, "needs the right to mount a small file system"))
func `a full disk cuts no line`() throws {
    let folder = try TemporaryFolder()
    #expect(mount("igropyr-test", folder.path, "tmpfs", 0, "size=64k") == 0)
    defer { umount2(folder.path, Int32(MNT_DETACH)) }
    let file = try LogFile(appendingTo: "\(folder.path)/log")
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
}
