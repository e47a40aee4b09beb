import Foundation
import Glibc
import IgropyrUV
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(2))) struct `The removal of a folder` {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func `follows no link that takes a folder's place meanwhile`() throws {
        let names = (0..<40).map { "name-\($0)" }
        for name in names { try folder.write("of another", to: "outside/\(name)") }
        for _ in 0..<100 {
            for name in names { try folder.write("", to: "tree/a/b/\(name)") }
            let rival = Rival(of: folder("tree/a/b"), folder("outside"))
            try? FileSystem.removeTree(folder("tree"))  // What the rival puts there too late may stay.
            rival.stop()
            try FileSystem.removeTree(folder("tree"))
            guard try folder.names("outside").count == names.count else { break }
        }
        #expect(try folder.names("outside") == names.sorted())
        #expect(try folder.names() == ["outside"])
    }

    @Test func `takes what is deeper than a path can be long, and names that are no text`() throws {
        try FileSystem.createFolder(folder("tree"), permissions: 0o700)
        var place = open(folder("tree"), O_RDONLY | O_DIRECTORY)
        for _ in 0..<200 {
            mkdirat(place, String(repeating: "x", count: 100), 0o700)
            mkdirat(place, "beside", 0o700)
            symlinkat("/", place, "link")
            close(openat(place, [CChar(bitPattern: 0xFF), 0], O_CREAT | O_WRONLY, 0o600))
            let next = openat(place, String(repeating: "x", count: 100), O_RDONLY | O_DIRECTORY)
            close(place)
            place = next
        }
        #expect(place >= 0)
        close(place)
        try FileSystem.removeTree(folder("tree"))
        #expect(try folder.names() == [])
    }

    @Test func `takes a file, or a link and not what it leads to; nothing there is fine`() throws {
        try folder.write("kept", to: "target/file")
        try folder.link("to-folder", to: folder("target"))
        try folder.write("", to: "file")
        for name in ["to-folder", "file", "none"] { try FileSystem.removeTree(folder(name)) }
        #expect(try folder.names() == ["target"] && folder.names("target") == ["file"])
    }
}

/// Puts a link in a folder's place and the folder back, over and over, on a thread of its own.
private final class Rival: Sendable {
    private let isOver = Locked(false)
    private let didEnd = DispatchSemaphore(value: 0)

    init(of place: String, _ target: String) {
        let aside = place + "-aside"
        let (isOver, didEnd) = (isOver, didEnd)
        Thread.detachNewThread {
            while !isOver.withLock(\.self) {
                rename(place, aside)
                symlink(target, place)
                unlink(place)
                rename(aside, place)
            }
            didEnd.signal()
        }
    }

    func stop() {
        isOver.withLock { $0 = true }
        didEnd.wait()
    }
}
