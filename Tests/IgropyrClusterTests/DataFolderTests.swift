import Glibc
import Testing

@testable import IgropyrCluster

@Suite struct `A data folder` {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func `is created for its owner only`() throws {
        let data = try DataFolder(at: folder("a/b/data"))
        #expect(data.path == folder("a/b/data"))
        #expect(try folder.permissions("a") == 0o700 && folder.permissions("a/b/data") == 0o700)
        #expect(try data.folder("bundles") == folder("a/b/data/bundles"))
        #expect(try data.folder("bundles") == folder("a/b/data/bundles"))
    }

    @Test func `serves one node at a time, and the error names the other`() throws {
        var first: DataFolder? = try DataFolder(at: folder("data"))
        let error = #expect(throws: DataFolderError.self) { try DataFolder(at: folder("data")) }
        #expect(error == .inUse(path: folder("data"), process: getpid()))
        #expect(error?.description.contains("process \(getpid())") == true)
        #expect(first != nil)
        first = nil
        _ = try DataFolder(at: folder("data"))
    }

    @Test func `says why it cannot be made`() throws {
        try folder.write("", to: "file")
        for name in ["file", "file/data"] {
            let error = #expect(throws: DataFolderError.self) { try DataFolder(at: folder(name)) }
            #expect(error?.description.contains(folder("file")) == true)
        }
    }

    @Test func `says of a file that cannot be written which it is, and the same each time`() throws {
        let data = try DataFolder(at: folder("data"))
        try FileSystem.createFolders(folder("data/taken"), permissions: 0o700)
        let taken = #expect(throws: FileError.self) { try data.write([1], to: "taken") }
        #expect(
            taken?.description
                == "cannot write \(folder("data/taken")): Is a directory; move that folder out of the way")
        try FileSystem.removeTree(folder("data"))
        let gone = #expect(throws: FileError.self) { try data.write([1], to: "state.json") }
        let reason = "No such file or directory; its folder is missing"
        #expect(gone?.description == "cannot write \(folder("data/state.json")): \(reason)")
    }

    @Test func `is made anew under who holds it, unless another has taken its place`() throws {
        let data = try DataFolder(at: folder("data"))
        #expect(try !data.remakeIfGone())
        try FileSystem.removeTree(folder("data"))
        #expect(try data.remakeIfGone())
        try data.write([1], to: "state")
        #expect(throws: DataFolderError.inUse(path: folder("data"), process: getpid())) {
            try DataFolder(at: folder("data"))
        }
        try FileSystem.removeTree(folder("data"))
        let other = try DataFolder(at: folder("data"))
        #expect(throws: DataFolderError.inUse(path: folder("data"), process: getpid())) { try data.remakeIfGone() }
        other.release()
        #expect(try data.remakeIfGone(), "what is in it is the other's")
        data.release()
        _ = try DataFolder(at: folder("data"))
    }

    @Test func `is not made anew where it cannot be looked at, nor on another file system in its place`() throws {
        let elsewhere = "/dev/shm/igropyr-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
        try FileSystem.createFolder(elsewhere, permissions: 0o700)
        defer { try? FileSystem.removeTree(elsewhere) }
        for name in ["data", "disk/data"] {
            let data = try DataFolder(at: folder(name))
            let disk = folder(String(name.prefix { $0 != "/" }))
            try FileSystem.rename(disk, to: disk + ".away")
            #expect(symlink(elsewhere, disk) == 0)
            #expect(throws: DataFolderError.unmounted(path: folder(name))) { try data.remakeIfGone() }
            #expect(try FileSystem.names(in: elsewhere).isEmpty, "\(name)")
            #expect(unlink(disk) == 0 && symlink(disk, disk) == 0)
            let error = #expect(throws: DataFolderError.self) { try data.remakeIfGone() }
            #expect(error == .file(FileError("examine", folder("\(name)/lock"), errorNumber: ELOOP)))
            #expect(unlink(disk) == 0)
            try FileSystem.rename(disk + ".away", to: disk)
            #expect(try !data.remakeIfGone(), "\(name): it is back")
        }
    }

    @Test func `replaces its files whole`() throws {
        try folder.write("half", to: "data/.unfinished-state.1")
        let data = try DataFolder(at: folder("data"))
        #expect(try data.read("state") == nil)
        for content in ["first", "second, longer", ""] {
            try data.write(Array(content.utf8), to: "state")
            #expect(try data.read("state") == Array(content.utf8))
        }
        #expect(try folder.names("data") == ["lock", "state"] && folder.permissions("data/state") == 0o600)
        try data.write([1, 2, 3], to: "state")
        #expect(throws: FileError.self) { try data.read("state", limitBytes: 2) }
        #expect(throws: FileError.self) { try data.write([1], to: "none/state") }
    }
}
