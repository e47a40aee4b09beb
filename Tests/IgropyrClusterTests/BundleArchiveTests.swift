import Glibc
import TestSupport
import Testing

@testable import IgropyrCluster

/// The error of a call that must fail with one.
private func bundleError(_ body: () throws -> Void) -> BundleError? {
    do { try body() } catch { return error as? BundleError }
    return nil
}

private func fill(_ folder: TemporaryFolder, _ names: [String]) throws {
    for name in names { try folder.write("content of \(name)", to: name) }
}

private let longName = String(repeating: "long", count: 50)

@Suite struct `A bundle's archive` {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func `has the same digest whatever the order, times, owners and permissions`() throws {
        let names = ["index.html", "b/two", "b/one", "a", "b.txt", "ü/é"]
        let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
        try fill(first, names)
        try fill(second, names.reversed())
        for (index, name) in names.enumerated() { second.setTime(1_000_000 * index, of: name) }
        chmod(second("a"), 0o600)
        chmod(second("b"), 0o700)
        let summaries = try [first, second].map { source in
            try BundleArchive.create(from: source.path, to: folder("\(source === first)"))
        }
        #expect(summaries[0] == summaries[1])
        #expect(try folder.read("true") == folder.read("false"))
        #expect(summaries[0].entries == 8 && summaries[0].kind == .site)

        chmod(second("a"), 0o755)
        let executable = try BundleArchive.create(from: second.path, to: folder("executable"))
        #expect(executable.digest != summaries[0].digest)
    }

    @Test func `comes out as it went in`() throws {
        try folder.write("<html>", to: "site/index.html")
        try folder.write("", to: "site/empty")
        try folder.write("#!/bin/sh", to: "site/bin/run", permissions: 0o700)
        try folder.write("deep", to: "site/\(longName)/\(longName)/файл 文")
        try folder.write(String(repeating: "0123456789", count: 100_000), to: "site/large")
        try folder.link("site/bin/home", to: "../index.html")
        try folder.link("site/latest", to: "./bin")
        try FileSystem.createFolder(folder("site/nothing"), permissions: 0o755)
        var doneBytes: [Int64] = []
        let summary = try BundleArchive.create(from: folder("site"), to: folder("archive")) { progress in
            doneBytes.append(progress.doneBytes)
            #expect(progress.totalBytes == 1_000_019)
        }
        #expect(doneBytes == doneBytes.sorted() && doneBytes.last == 1_000_019)
        #expect(summary.archiveBytes == (try FileSystem.status(of: folder("archive")).byteCount))

        try BundleArchive.extract(from: folder("archive"), to: folder("out"))
        #expect(try folder.names("out") == ["bin", "empty", "index.html", "large", "latest", longName, "nothing"])
        #expect(try folder.read("out/index.html") == "<html>" && folder.read("out/empty").isEmpty)
        #expect(try folder.read("out/\(longName)/\(longName)/файл 文") == "deep")
        #expect(try folder.read("out/large") == folder.read("site/large"))
        #expect(try FileSystem.linkTarget(of: folder("out/bin/home")) == "../index.html")
        #expect(try FileSystem.linkTarget(of: folder("out/latest")) == "./bin")
        #expect(try folder.permissions("out/bin/run") == 0o755 && folder.permissions("out/index.html") == 0o644)
        #expect(try folder.permissions("out") == 0o755 && folder.permissions("out/nothing") == 0o755)
        #expect(try folder.names() == ["archive", "out", "site"])  // Nothing unfinished.
    }

    /// A shell in which a key was made under `umask 077` may start a node, whose workers are other users.
    @Test func `comes out for all to read, whatever mask its node was started with`() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try folder.write("<html>", to: "site/a/index.html")
            _ = try BundleArchive.create(from: folder("site"), to: folder("archive"))
            umask(0o077)
            try BundleArchive.extract(from: folder("archive"), to: folder("out"))
            try FileSystem.createFolders(folder("run/here"), permissions: 0o711)
            let folders = try ["out", "out/a", "run", "run/here"].map(folder.permissions)
            let file = try folder.permissions("out/a/index.html")
            precondition(folders == [0o755, 0o755, 0o711, 0o711] && file == 0o644)
        }
    }

    @Test func `of a program holds just that, by its name`() throws {
        try folder.write("ELF", to: "build/Hello", permissions: 0o775)
        try folder.link("current", to: "build/Hello")
        let summary = try BundleArchive.create(from: folder("build/Hello"), to: folder("archive"))
        #expect(summary.kind == .executable(entry: "Hello") && summary.entries == 1)
        try BundleArchive.extract(from: folder("archive"), to: folder("out"))
        #expect(try folder.names("out") == ["Hello"] && folder.permissions("out/Hello") == 0o755)
        let linked = try BundleArchive.create(from: folder("current"), to: folder("archive"))
        #expect(linked.kind == .executable(entry: "current"))
    }

    @Test func `is not made of what cannot be bundled, and the error names it`() throws {
        let folder = folder
        let sources: [(name: String, code: BundleError.Code, make: (String) throws -> Void)] = [
            ("none", .missing, { _ in }),
            ("file", .notExecutable, { try folder.write("text", to: $0) }),
            ("pipe", .unsupportedEntry, { mkfifo(folder($0), 0o600) }),
            ("a/pipe", .unsupportedEntry, { mkfifo(folder($0), 0o600) }),
            ("b/absolute", .escapes, { try folder.link($0, to: "/etc/passwd") }),
            ("c/up", .escapes, { try folder.link($0, to: "..") }),
            ("d/e/upup", .escapes, { try folder.link($0, to: "../../x") }),
            ("f/middle", .escapes, { try folder.link($0, to: "x/../y") }),
            ("g/control", .escapes, { try folder.link($0, to: "x\u{1b}[2J") }),
        ]
        for (name, code, make) in sources {
            let top = String(name.prefix { $0 != "/" })
            if top != name { try FileSystem.createFolders(folder(top), permissions: 0o755) }
            try make(name)
            let error = bundleError { _ = try BundleArchive.create(from: folder(top), to: folder("archive")) }
            #expect(error?.code == code && error?.path == folder(name), "\(name): \(error?.description ?? "none")")
            #expect(error?.description.contains(folder(name)) == true)
        }
        #expect(try !folder.names().contains { $0 == "archive" || $0.hasPrefix(".") })
    }

    @Test func `is not made of names with control characters, nor of folders that are too deep`() throws {
        try folder.write("", to: "site/a\nb")
        let control = bundleError { _ = try BundleArchive.create(from: folder("site"), to: folder("archive")) }
        #expect(control?.code == .unsupportedEntry && control?.description.contains("\n") == false)
        try folder.write("", to: "deep/" + String(repeating: "d/", count: 64) + "f")
        #expect(
            bundleError { _ = try BundleArchive.create(from: folder("deep"), to: folder("archive")) }?.code == .tooLarge
        )
        try folder.write("", to: "fair/" + String(repeating: "d/", count: 63) + "f")
        _ = try BundleArchive.create(from: folder("fair"), to: folder("archive"))
        try BundleArchive.extract(from: folder("archive"), to: folder("out"))
    }

    @Test func `of a program has the machines that it was built for`() throws {
        func elf(_ machine: UInt8) -> String {
            let head = [0x7f] + Array("ELF".utf8) + [2, 1] + [UInt8](repeating: 0, count: 12) + [machine, 0]
            return String(decoding: head, as: UTF8.self)
        }
        func machines(_ folderName: String, _ program: String? = "bin/Hello") throws -> [String] {
            try BundleArchive.create(from: folder(folderName), to: folder("archive"), program: program)
                .index.machines.map(\.rawValue)
        }
        try folder.write(elf(62), to: "both/bin/x86_64/Hello", permissions: 0o755)
        try folder.write("#!/bin/sh", to: "both/bin/aarch64/Hello", permissions: 0o755)
        try folder.write("", to: "both/bin/riscv64/Hello", permissions: 0o644)
        #expect(try machines("both") == ["aarch64", "x86_64"] && machines("both", nil).isEmpty)
        try folder.write(elf(62), to: "lone/bin/Hello", permissions: 0o755)
        #expect(try machines("lone") == ["x86_64"] && machines("lone/bin/Hello", nil) == ["x86_64"])
        try folder.write("#!/bin/sh", to: "script/bin/Hello", permissions: 0o755)
        try folder.write(elf(62), to: "script/bin/x86_64/Hello", permissions: 0o755)
        #expect(try machines("script").isEmpty, "it runs on any")
        try folder.write(elf(62), to: "wrong/bin/aarch64/Hello", permissions: 0o755)
        #expect(bundleError { _ = try machines("wrong") }?.description.contains("for x86_64, not for aarch64") == true)
        #expect(bundleError { _ = try machines("lone", "bin/Hallo") }?.code == .missing)
    }

    @Test func `is not made of names that are not UTF-8`() throws {
        let name = folder("site/").utf8.map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xff), 0]
        try folder.write("", to: "site/a")
        close(open(name, O_CREAT | O_WRONLY, 0o600))
        #expect(bundleError { _ = try BundleArchive.create(from: folder("site"), to: folder("archive")) } != nil)
    }

    @Test func `keeps to its limits, and what exceeds them leaves nothing behind`() throws {
        try fill(folder, ["site/a", "site/b", "site/c"])
        _ = try BundleArchive.create(from: folder("site"), to: folder("archive"))
        let changes: [(BundleError.Code, (inout BundleArchive.Limits) -> Void)] = [
            (.tooLarge, { $0.totalBytes = 35 }), (.tooManyEntries, { $0.entries = 2 }),
            (.tooLarge, { $0.pathBytes = 0 }), (.tooLarge, { $0.depth = 0 }),
        ]
        for (code, change) in changes {
            var limits = BundleArchive.Limits()
            change(&limits)
            let made = bundleError {
                _ = try BundleArchive.create(from: folder("site"), to: folder("other"), limits: limits)
            }
            let unpacked = bundleError {
                try BundleArchive.extract(
                    from: folder("archive"), to: folder("out"), limits: limits)
            }
            #expect(made?.code == code && unpacked?.code == code)
        }
        #expect(try folder.names() == ["archive", "site"])

        var limits = BundleArchive.Limits()
        limits.totalBytes = 3 * 17
        limits.entries = 3
        try BundleArchive.extract(from: folder("archive"), to: folder("out"), limits: limits)
    }

    @Test(.enabled(if: canMount, "needs the right to mount a small file system"))
    func `reports a full disk by the path, and leaves nothing behind`() throws {
        try folder.write(String(repeating: "x", count: 2 << 20), to: "site/large")
        _ = try BundleArchive.create(from: folder("site"), to: folder("archive"))
        try FileSystem.createFolder(folder("small"), permissions: 0o700)
        #expect(mount("igropyr-test", folder("small"), "tmpfs", 0, "size=1m") == 0)
        defer { umount2(folder("small"), Int32(MNT_DETACH)) }
        let made = bundleError { _ = try BundleArchive.create(from: folder("site"), to: folder("small/archive")) }
        #expect(made?.code == .diskFull && made?.path == folder("small/archive"))
        #expect(made?.description.hasPrefix("cannot write \(folder("small/archive")): ") == true)
        #expect(made?.description.contains("free space") == true)
        let unpacked = bundleError {
            try BundleArchive.extract(from: folder("archive"), to: folder("small/out"))
        }
        #expect(unpacked?.code == .diskFull && unpacked?.description.contains("free space") == true)
        #expect(unpacked?.description.hasPrefix("cannot unpack to \(folder("small/out")): ") == true)
        #expect(try folder.names("small").isEmpty)
    }
}
