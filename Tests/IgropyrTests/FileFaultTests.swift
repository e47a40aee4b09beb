import Foundation
import Glibc
import Igropyr
import IgropyrTransport
import IgropyrUV
import Testing

/// What can go wrong with a file while it is served: the client sees what it misses, and the server lives on.
@Suite(.timeLimit(.minutes(5))) struct FileFaultTests {
    /// More than fits between server and client: the server is in the midst of it when the client has read the head.
    private static let bytes = 24 << 20

    /// Asks for a large file, does something to it after the head has arrived, and returns the head and what follows.
    private static func receive(
        _ fields: String, after change: @escaping @Sendable (String) throws -> Void
    ) async throws -> (head: String, rest: [UInt8]) {
        let result = Result()
        try await Site.with { site in
            let file = site.path + "/huge.txt"
            try site.write("huge.txt", "")
            try #require(truncate(file, bytes) == 0)
            try await withApp { app in
                app.loops = 1
                app.files("/", from: site.path)
            } _: { caller in
                let reader = try SlowReader(port: caller.server.address.port)
                try reader.send("GET /huge.txt HTTP/1.1\r\nHost: a\r\n\(fields)Connection: close\r\n\r\n")
                let head = try reader.receiveHead()
                try change(file)
                result.set(head, try reader.receiveRest())
                #expect(try await caller.send("/a%20b.txt").text == "text")
            }
        }
        return (result.head, result.rest)
    }

    /// Set on one thread, then read on another.
    private final class Result: @unchecked Sendable {
        private(set) var head = ""
        private(set) var rest: [UInt8] = []

        func set(_ head: String, _ rest: [UInt8]) {
            self.head = head
            self.rest = rest
        }
    }

    private static let changes: [(name: String, change: @Sendable (String) throws -> Void, isWhole: Bool)] = [
        ("nothing", { _ in }, true),
        ("it grows", { file in try #require(truncate(file, bytes + 1000) == 0) }, true),
        ("it is deleted", { file in try #require(unlink(file) == 0) }, true),
        (
            "another takes its name",
            { file in
                try Data("new".utf8).write(to: URL(filePath: file + ".new"))
                try #require(rename(file + ".new", file) == 0)
            }, true
        ),
        ("it shrinks", { file in try #require(truncate(file, 1000) == 0) }, false),
        ("it cannot be read any more", { file in try breakDescriptors(of: file) }, false),
    ]

    /// Puts one that cannot be read in the place of each descriptor of the file that this process has.
    static func breakDescriptors(of file: String) throws {
        let unreadable = open("/dev/null", O_WRONLY)
        defer { close(unreadable) }
        let descriptors = try descriptors(of: file)
        for descriptor in descriptors { dup2(unreadable, descriptor) }
        #expect(!descriptors.isEmpty)
    }

    /// Those of this process.
    static func descriptors(of file: String) throws -> [Int32] {
        let folder = "/proc/self/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap(Int32.init).filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == file
        }
    }

    @Test(arguments: changes.indices) func `what befalls a file while it is sent shows in what arrives`(
        row: Int
    ) async throws {
        let (name, change, isWhole) = Self.changes[row]
        let (head, rest) = try await Self.receive("", after: change)
        #expect(head.contains("Content-Length: \(Self.bytes)\r\n"))
        #expect(isWhole ? rest.count == Self.bytes : rest.count < Self.bytes, "\(name): \(rest.count)")
    }

    @Test func `a file that shrinks cuts several ranges, too`() async throws {
        let range = "Range: bytes=0-9999999,10001000-\r\n"
        let whole = try await Self.receive(range) { _ in }
        let length = try #require(
            whole.head.firstMatch(of: /Content-Length: (\d+)/).flatMap { Int($0.output.1) })
        #expect(whole.rest.count == length)
        let cut = try await Self.receive(range) { file in try #require(truncate(file, 1000) == 0) }
        #expect(cut.head.hasPrefix("HTTP/1.1 206 ") && cut.rest.count < length)
    }

    @Test func `a client that goes away in the midst of a file harms nobody`() async throws {
        try await Site.with { site in
            try site.write("huge.txt", "")
            try #require(truncate(site.path + "/huge.txt", Self.bytes) == 0)
            try await withApp { app in
                app.loops = 1
                app.files("/", from: site.path)
            } _: { caller in
                for fields in ["", "Range: bytes=0-9999999,10001000-\r\n", "Accept-Encoding: br\r\n"] {
                    let raw = try await caller.connect()
                    raw.send("GET /huge.txt HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
                    await raw.receive { $0.contains("\r\n\r\n") }
                    raw.reset()
                }
                #expect(try await caller.send("/a%20b.txt").text == "text")
            }
        }
    }

    @Test func `with no descriptor left the answer is 503, and the server lives on`() async {
        await #expect(processExitsWith: .success) {
            try await Site.with { site in
                try await withApp { app in
                    var serving = FileServing()
                    serving.cache.staleness = .seconds(600)  // However long a busy machine takes.
                    app.loops = 1
                    app.files("/", from: site.path, serving)
                } _: { caller in
                    try Self.require(try await caller.send("/empty").status == 200)
                    var limit = rlimit(rlim_cur: 256, rlim_max: 256)
                    try Self.require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                    var taken: [Int32] = []
                    while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 {
                        taken.append(descriptor)
                    }
                    let refused = try await caller.send("/a%20b.txt")
                    try Self.require(refused.status == 503 && refused.field("Retry-After") == "1")
                    try Self.require(try await caller.send("/empty").status == 200)  // It is kept in memory.
                    for descriptor in taken { close(descriptor) }
                    try Self.require(try await caller.send("/a%20b.txt").text == "text")
                }
            }
        }
    }

    /// The kernel's buffer holds megabytes by then, and takes no more until a third of that has gone.
    @Test func `a client that takes little, but goes on taking it, is not cut`() async throws {
        try await Site.with { site in
            try site.write("huge.txt", "")
            try #require(truncate(site.path + "/huge.txt", Self.bytes) == 0)
            try await withApp { app in
                app.server.progressTimeout = .seconds(10)
                app.files("/", from: site.path)
            } _: { caller in
                let reader = try SlowReader(port: caller.server.address.port)
                try reader.send("GET /huge.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try reader.receiveHead().hasPrefix("HTTP/1.1 200 "))
                for _ in 0..<200 {
                    try reader.receive(2048)
                    try await Task.sleep(for: .milliseconds(80))  // For longer in all than it may rest.
                }
            }
        }
    }

    private static let troubles = [EIO, ESTALE, ENOTCONN, ETIMEDOUT, EMFILE, ENFILE, ENOMEM]
    private static let absences = [ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, EXDEV, ENAMETOOLONG]

    @Test func `that a file system fails does not say that nothing is there`() {
        for code in Self.troubles { #expect(!UVError(code: -code, call: "openat2").isAbsence, "\(code)") }
        for code in Self.absences { #expect(UVError(code: -code, call: "openat2").isAbsence, "\(code)") }
    }

    @Test func `what may not be read is not there`() async {
        await #expect(processExitsWith: .success) {
            try await Site.with { site in
                try site.write("closed.txt", "closed")
                try site.write("closed/index.html", "closed")
                for name in ["closed.txt", "closed"] { try Self.require(chmod("\(site.path)/\(name)", 0) == 0) }
                if geteuid() == 0 { try Self.require(seteuid(65_534) == 0) }
                try await withApp { app in
                    var serving = FileServing()
                    serving.listing = FolderListing()
                    app.files("/", from: site.path, serving)
                } _: { caller in
                    for target in ["/closed.txt", "/closed/", "/closed/index.html", "/closed"] {
                        try Self.require(try await caller.send(target).status == 404)
                    }
                    try Self.require(try await caller.send("/").status == 200)
                }
                try Self.require(seteuid(getuid()) == 0)  // So that the folder can be removed.
            }
        }
    }

    private struct Unexpected: Error {
        let line: Int
    }

    /// Issues of another process are not seen here; its exit code is.
    private static func require(_ condition: Bool, line: Int = #line) throws {
        guard condition else { throw Unexpected(line: line) }
    }
}
