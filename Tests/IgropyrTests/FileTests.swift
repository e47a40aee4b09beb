import FoundationEssentials
import Igropyr
import IgropyrTransport
import Testing

@Suite(.timeLimit(.minutes(1))) struct FileTests {
    private static let large = String(repeating: "0123456789abcdef", count: 300_000)

    /// A folder of files, for the length of `body`.
    private static func withSite(_ body: (String) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.path + "/igropyr-files-\(UUID().uuidString)"
        let site = root + "/site"
        try FileManager.default.createDirectory(atPath: site + "/folder", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (name, text) in [
            ("site/index.html", "<p>index"), ("site/a b.txt", "text"), ("site/folder/index.html", "<p>folder"),
            ("site/.secret", "secret"), ("site/large.bin", large), ("site/empty", ""), ("outside.txt", "outside"),
        ] { try Data(text.utf8).write(to: URL(filePath: root + "/" + name)) }
        try FileManager.default.createSymbolicLink(
            atPath: site + "/link.txt", withDestinationPath: root + "/outside.txt")
        try await body(site)
    }

    private static func ask(
        _ targets: [(String, [(String, String)])], method: String = "GET",
        check: @escaping @Sendable (Int, HTTPClient.Response) -> Void
    ) async throws {
        try await withSite { site in
            try await withApp {
                $0.files("/s", from: site)
            } _: { caller in
                for (index, target) in targets.enumerated() {
                    check(index, try await caller.send(target.0, target.1, method: method))
                }
            }
        }
    }

    private static let found: [(target: String, status: Int, type: String?, body: String?)] = [
        ("/s/", 200, "text/html; charset=utf-8", "<p>index"),
        ("/s", 308, nil, nil),
        ("/s/a%20b.txt", 200, "text/plain; charset=utf-8", "text"),
        ("/s/folder/", 200, "text/html; charset=utf-8", "<p>folder"),
        ("/s/folder?x=y", 308, nil, nil),
        ("/s/large.bin", 200, "application/octet-stream", large),
        ("/s/empty", 200, "application/octet-stream", ""),
        ("/s/none.txt", 404, nil, nil),
        ("/s/index.html/", 404, nil, nil),
        ("/s/.secret", 404, nil, nil),
        ("/s/link.txt", 404, nil, nil),
        ("/s/../outside.txt", 400, nil, nil),
        ("/s/%2e%2e/outside.txt", 400, nil, nil),
        ("/s/..%2foutside.txt", 404, nil, nil),
        ("/s/folder%2findex.html", 404, nil, nil),
        ("/s//index.html", 404, nil, nil),
        ("/s//etc/passwd", 404, nil, nil),
        ("/s/a%00b", 400, nil, nil),
    ]

    @Test func `files are found below their folder and nowhere else`() async throws {
        try await Self.ask(Self.found.map { ($0.target, []) }) { index, response in
            let row = Self.found[index]
            #expect(response.status == row.status, "\(row.target)")
            if let type = row.type { #expect(response.field("Content-Type") == type, "\(row.target)") }
            if let body = row.body { #expect(response.text == body, "\(row.target)") }
            if row.status == 308 { #expect(["/s/", "/s/folder/?x=y"].contains(response.field("Location"))) }
        }
    }

    private static let ranges: [(range: String, status: Int, body: String, contentRange: String?)] = [
        ("bytes=0-0", 206, "t", "bytes 0-0/4"),
        ("bytes=1-2", 206, "ex", "bytes 1-2/4"),
        ("bytes=2-", 206, "xt", "bytes 2-3/4"),
        ("bytes=-3", 206, "ext", "bytes 1-3/4"),
        ("bytes=-9", 206, "text", "bytes 0-3/4"),
        ("bytes=1-99999999999999999999", 206, "ext", "bytes 1-3/4"),
        ("bytes=4-", 416, "", "bytes */4"),
        ("bytes=-0", 416, "", "bytes */4"),
        ("bytes=2-1", 200, "text", nil),
        ("bytes=0-1,2-3", 200, "text", nil),
        ("bytes=+1-2", 200, "text", nil),
        ("lines=0-1", 200, "text", nil),
    ]

    @Test func `a range is answered with its part`() async throws {
        try await Self.ask(Self.ranges.map { ("/s/a%20b.txt", [("Range", $0.range)]) }) { index, response in
            let row = Self.ranges[index]
            #expect(response.status == row.status, "\(row.range)")
            #expect(response.text == row.body, "\(row.range)")
            #expect(response.field("Content-Range") == row.contentRange, "\(row.range)")
        }
    }

    @Test func `who has the present version gets 304, by tag or by date`() async throws {
        try await Self.withSite { site in
            try await withApp {
                $0.files("/", from: site)
            } _: { caller in
                let first = try await caller.send("/a%20b.txt")
                let tag = try #require(first.field("ETag"))
                let date = try #require(first.field("Last-Modified"))
                let conditions: [(String, String, Int)] = [
                    ("If-None-Match", tag, 304), ("If-None-Match", "\"x\", W/\(tag)", 304), ("If-None-Match", "*", 304),
                    ("If-None-Match", "\"x\"", 200), ("If-Modified-Since", date, 304),
                    ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 200), ("If-Modified-Since", "soon", 200),
                ]
                for (name, value, status) in conditions {
                    let response = try await caller.send("/a%20b.txt", [(name, value)])
                    #expect(response.status == status, "\(name): \(value)")
                    #expect(response.text == (status == 200 ? "text" : ""))
                }
                let part = try await caller.send("/a%20b.txt", [("Range", "bytes=0-1"), ("If-Range", "\"old\"")])
                #expect(part.status == 200)
            }
        }
    }

    @Test func `HEAD gets the length of a file and not the file`() async throws {
        try await Self.ask([("/s/large.bin", []), ("/s/a%20b.txt", [])], method: "HEAD") { index, response in
            #expect(response.status == 200)
            #expect(response.field("Content-Length") == (index == 0 ? "\(Self.large.utf8.count)" : "4"))
            #expect(response.body.isEmpty)
        }
    }

    @Test func `a folder that is not there fails the start`() async throws {
        let app = App()
        app.files("/", from: "/nonexistent/folder")
        let error = await #expect(throws: (any Error).self) { _ = try await app.start() }
        #expect("\(error!)" == "cannot serve files from /nonexistent/folder: no such file or directory")
    }
}
