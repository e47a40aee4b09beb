import Foundation
import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FileTests {
    private static let found: [(target: String, status: Int, type: String?, body: String?)] = [
        ("/s/", 200, "text/html; charset=utf-8", "<p>index"),
        ("/s", 308, nil, nil),
        ("/s/a%20b.txt", 200, "text/plain; charset=utf-8", "text"),
        ("/s/%61%20b%2Etxt", 200, "text/plain; charset=utf-8", "text"),
        ("/s/folder/", 200, "text/html; charset=utf-8", "<p>folder"),
        ("/s/folder?x=y", 308, nil, nil),
        ("/s/large.bin", 200, "application/octet-stream", Site.large),
        ("/s/empty", 200, "application/octet-stream", ""),
        ("/s/.well-known/x", 200, "application/octet-stream", "known"),
        ("/s/none.txt", 404, nil, nil),
        ("/s/none/", 404, nil, nil),
        ("/s/bare/", 404, nil, nil),
        ("/s/index.html/", 404, nil, nil),
        ("/s/index.html/x", 404, nil, nil),
        ("/s/.secret", 404, nil, nil),
        ("/s/%2esecret", 404, nil, nil),
        ("/s/.git/config", 404, nil, nil),
        ("/s/fifo", 404, nil, nil),
        ("/s/zero", 404, nil, nil),
        ("/s/socket", 404, nil, nil),
        ("/s/link.txt", 404, nil, nil),
        ("/s/inner.txt", 404, nil, nil),
        ("/s/way/index.html", 404, nil, nil),
        ("/s/../outside.txt", 400, nil, nil),
        ("/s/%2e%2e/outside.txt", 400, nil, nil),
        ("/s/..%2foutside.txt", 404, nil, nil),
        ("/s/..%5coutside.txt", 404, nil, nil),
        ("/s/folder%2findex.html", 404, nil, nil),
        ("/s/folder%5cindex.html", 404, nil, nil),
        ("/s/index.html.", 404, nil, nil),
        ("/s/index.html%20", 404, nil, nil),
        ("/s/index.html%0a", 404, nil, nil),
        ("/s//index.html", 404, nil, nil),
        ("/s//etc/passwd", 404, nil, nil),
        ("/s/folder//index.html", 404, nil, nil),
        ("/s/a%00b", 400, nil, nil),
        ("/s/index.html%00.txt", 400, nil, nil),
        ("/s/%ff", 400, nil, nil),
        ("/s/" + String(repeating: "a", count: 300), 404, nil, nil),
        ("/s/" + String(repeating: "a/", count: 2000) + "b", 404, nil, nil),
    ]

    private static func addOddities(to site: Site) throws {
        try site.write(".well-known/x", "known")
        try site.write(".git/config", "secret")
        try site.link("link.txt", to: site.root + "/outside.txt")
        try site.link("inner.txt", to: "a b.txt")
        try site.link("way", to: "folder")
        try FileManager.default.createDirectory(atPath: site.path + "/bare", withIntermediateDirectories: true)
        try #require(mkfifo(site.path + "/fifo", 0o644) == 0)
        try #require(mknod(site.path + "/socket", S_IFSOCK | 0o644, 0) == 0)
        // The device of /dev/zero, which never ends; only root may make one, and not in every container.
        if mknod(site.path + "/zero", S_IFCHR | 0o644, 1 << 8 | 5) != 0 { try #require(errno == EPERM) }
    }

    @Test func `files are found below their folder and nowhere else`() async throws {
        try await Site.with { site in
            try Self.addOddities(to: site)
            try await withApp {
                $0.files("/s", from: site.path)
            } _: { caller in
                for row in Self.found {
                    let response = try await caller.send(row.target)
                    #expect(response.status == row.status, "\(row.target)")
                    if let type = row.type { #expect(response.field("Content-Type") == type, "\(row.target)") }
                    if let body = row.body { #expect(response.text == body, "\(row.target)") }
                    if row.status == 308 { #expect(["/s/", "/s/folder/?x=y"].contains(response.field("Location"))) }
                }
            }
        }
    }

    @Test(arguments: [false, true]) func `where nothing is the fallback answers, and what is there for itself`(
        lists: Bool
    ) async throws {
        let rows = [
            ("/", 200, "<p>index"), ("/a%20b.txt", 200, "text"), ("/folder/", 200, "<p>folder"), ("/folder", 308, ""),
            ("/users/7?tab=a", 200, "<p>one page"), ("/users/", 200, "<p>one page"), ("/.secret", 200, "<p>one page"),
            ("/index.html/more", 200, "<p>one page"), ("/bare/", lists ? 200 : 404, nil), ("/%ff", 400, nil),
        ]
        try await Site.with { site in
            try site.write("pages/one.html", "<p>one page")
            try FileManager.default.createDirectory(atPath: site.path + "/bare", withIntermediateDirectories: true)
            try await withApp { app in
                var serving = FileServing()
                serving.fallback = "/pages/one.html"
                if lists { serving.listing = FolderListing() }
                app.files("/", from: site.path, serving)
            } _: { caller in
                for (target, status, body) in rows {
                    let response = try await caller.send(target)
                    #expect(response.status == status, "\(target)")
                    if let body { #expect(response.text == body, "\(target)") }
                }
                #expect(try await caller.send("/users/7", method: "POST").status == 405)
                try site.remove("pages/one.html")
                try await eventually("its absence is seen") { try await caller.send("/users/7").status == 404 }
            }
        }
    }

    @Test func `links are followed beneath the folder and not out of it`() async throws {
        let rows = [
            ("/inner.txt", 200), ("/way/index.html", 200), ("/way/", 200), ("/way", 308), ("/link.txt", 404),
            ("/up.txt", 404), ("/loop", 404), ("/proc", 404), ("/dangling", 404), ("/there-and-back.txt", 200),
            ("/hidden", 200),
        ]
        try await Site.with { site in
            try Self.addOddities(to: site)
            try site.link("up.txt", to: "../outside.txt")
            try site.link("loop", to: "loop")
            try site.link("proc", to: "/proc/self/root/etc/passwd")
            try site.link("dangling", to: "none")
            try site.link("there-and-back.txt", to: "folder/../a b.txt")
            try site.link("hidden", to: ".secret")  // Whoever made the link wants it so.
            try await withApp { app in
                var serving = FileServing()
                serving.symlinks = .beneath
                app.files("/", from: site.path, serving)
            } _: { caller in
                for (target, status) in rows {
                    let response = try await caller.send(target)
                    #expect(response.status == status, "\(target)")
                }
            }
        }
    }

    @Test func `settings change what is served, and how`() async throws {
        try await Site.with { site in
            try site.write("bare/start.htm", "<p>start")
            try site.write("assets/deep/a.css", "a{}")
            try site.write("model.gltf", "{}")
            try await withApp { app in
                var serving = FileServing()
                serving.indexNames = ["none.html", "start.htm", "index.html"]
                serving.servesDotfiles = true
                serving.types = ["gltf": "model/gltf+json"]
                serving.cacheControl = ["assets/**": "max-age=60", "*.html": "no-cache", "/a*": "no-store"]
                serving.forbidsSniffing = false
                app.files("/", from: site.path, serving)
                app.files("/plain", from: site.path)
            } _: { caller in
                let rows: [(target: String, status: Int, type: String?, cacheControl: String?)] = [
                    ("/", 200, "text/html; charset=utf-8", "no-cache"),
                    ("/bare/", 200, "text/html; charset=utf-8", nil),
                    ("/.secret", 200, "application/octet-stream", nil),
                    ("/model.gltf", 200, "model/gltf+json", nil),
                    ("/assets/deep/a.css", 200, "text/css; charset=utf-8", "max-age=60"),
                    ("/folder/index.html", 200, "text/html; charset=utf-8", "no-cache"),
                    ("/a%20b.txt", 200, "text/plain; charset=utf-8", "no-store"),
                ]
                for row in rows {
                    let response = try await caller.send(row.target)
                    #expect(response.status == row.status, "\(row.target)")
                    #expect(response.field("Content-Type") == row.type, "\(row.target)")
                    #expect(response.field("Cache-Control") == row.cacheControl, "\(row.target)")
                    #expect(response.field("X-Content-Type-Options") == nil)
                }
                let plain = try await caller.send("/plain/")
                #expect(plain.field("X-Content-Type-Options") == "nosniff")
                #expect(plain.field("Accept-Ranges") == "bytes")
                #expect(plain.field("Last-Modified") == Site.date)
                #expect(plain.field("ETag")?.hasPrefix("\"") == true)
                #expect(plain.field("Cache-Control") == nil)
            }
        }
    }

    private static let mistakes: [(name: String, change: @Sendable (inout FileServing) -> Void)] = [
        ("indexNames", { $0.indexNames = ["a/b"] }), ("cacheControl", { $0.cacheControl = "a\r\nb: c" }),
        ("types", { $0.types = ["x": "none"] }),
    ]

    @Test(arguments: mistakes.indices) func `settings that mean nothing fail the start`(row: Int) async {
        let (name, change) = Self.mistakes[row]
        let app = App()
        var serving = FileServing()
        change(&serving)
        app.files("/", from: "/tmp", serving)
        let error = await #expect(throws: (any Error).self) { _ = try await app.start() }
        #expect("\(error!)".hasPrefix("FileServing.\(name) is "))
    }

    private static let ranges: [(range: String, status: Int, body: String, contentRange: String?)] = [
        ("bytes=0-0", 206, "t", "bytes 0-0/4"),
        ("bytes=1-2", 206, "ex", "bytes 1-2/4"),
        ("bytes=-3", 206, "ext", "bytes 1-3/4"),
        ("bytes=4-", 416, "", "bytes */4"),
        ("bytes=0-1,2-3", 206, "text", "bytes 0-3/4"),
        ("bytes=0-,0-", 200, "text", nil),
        ("lines=0-1", 200, "text", nil),
    ]

    @Test func `a range is answered with its part`() async throws {
        try await Site.with { site in
            try await withApp {
                $0.files("/", from: site.path)
            } _: { caller in
                for row in Self.ranges {
                    let response = try await caller.send("/a%20b.txt", [("Range", row.range)])
                    #expect(response.status == row.status, "\(row.range)")
                    #expect(response.text == row.body, "\(row.range)")
                    #expect(response.field("Content-Range") == row.contentRange, "\(row.range)")
                }
                let part = try await caller.send("/large.bin", [("Range", "bytes=16-4000015")])
                #expect(part.text == Site.large.prefix(4_000_000))
                let head = try await caller.send("/a%20b.txt", [("Range", "bytes=0-1")], method: "HEAD")
                #expect(head.status == 200)
            }
        }
    }

    @Test func `several ranges are answered with their parts, from memory and from the disk`() async throws {
        try await Site.with { site in
            try site.write("small.bin", String(Site.large.prefix(1000)))
            try await withApp {
                $0.files("/", from: site.path)
            } _: { caller in
                for (target, size) in [("/small.bin", 1000), ("/large.bin", Site.large.utf8.count)] {
                    let response = try await caller.send(target, [("Range", "bytes=0-2,-2")])
                    #expect(response.status == 206)
                    let type = try #require(response.field("Content-Type"))
                    let prefix = "multipart/byteranges; boundary="
                    #expect(type.hasPrefix(prefix))
                    let boundary = type.dropFirst(prefix.count)
                    #expect(response.field("Content-Length") == "\(response.body.count)")
                    #expect(response.field("Content-Range") == nil)
                    let partHead = "Content-Type: application/octet-stream\r\nContent-Range: bytes"
                    let expected = """
                        --\(boundary)\r
                        \(partHead) 0-2/\(size)\r
                        \r
                        012\r
                        --\(boundary)\r
                        \(partHead) \(size - 2)-\(size - 1)/\(size)\r
                        \r
                        \(Site.large.dropFirst(size - 2).prefix(2))\r
                        --\(boundary)--\r

                        """
                    #expect(response.text == expected)
                }
            }
        }
    }

    @Test func `conditions are answered before ranges`() async throws {
        try await Site.with { site in
            try await withApp {
                $0.files("/", from: site.path)
            } _: { caller in
                let tag = try #require(try await caller.send("/a%20b.txt").field("ETag"))
                let late = "Sun, 06 Nov 1994 08:49:38 GMT"
                let old = "Sun, 06 Nov 1994 08:49:36 GMT"
                let rows: [(fields: [(String, String)], status: Int)] = [
                    ([("If-None-Match", tag)], 304), ([("If-None-Match", "\"x\", W/\(tag)")], 304),
                    ([("If-None-Match", "*")], 304), ([("If-None-Match", "\"x\"")], 200),
                    ([("If-Modified-Since", Site.date)], 304), ([("If-Modified-Since", old)], 200),
                    ([("If-Modified-Since", "soon")], 200), ([("If-Match", tag)], 200),
                    ([("If-Match", "W/\(tag)")], 412), ([("If-Match", "\"x\"")], 412),
                    ([("If-Unmodified-Since", Site.date)], 200), ([("If-Unmodified-Since", old)], 412),
                    ([("Range", "bytes=0-1"), ("If-Range", tag)], 206),
                    ([("Range", "bytes=0-1"), ("If-Range", Site.date)], 206),
                    ([("Range", "bytes=0-1"), ("If-Range", "W/\(tag)")], 200),
                    ([("Range", "bytes=0-1"), ("If-Range", "\"x\"")], 200),
                    ([("Range", "bytes=0-1"), ("If-Range", late)], 200),
                    ([("Range", "bytes=9-"), ("If-Range", "\"x\"")], 200),
                    ([("Range", "bytes=0-1"), ("If-None-Match", tag)], 304),
                    ([("Range", "bytes=9-"), ("If-None-Match", tag)], 304),
                    ([("Range", "bytes=9-"), ("If-Match", "\"x\"")], 412),
                    ([("Range", "bytes=0-1"), ("If-Match", tag)], 206),
                ]
                for row in rows {
                    let response = try await caller.send("/a%20b.txt", row.fields)
                    #expect(response.status == row.status, "\(row.fields)")
                    if [200, 206, 304].contains(row.status) {
                        #expect(response.field("ETag") == tag && response.field("Last-Modified") == Site.date)
                    }
                }
            }
        }
    }

    @Test func `HEAD gets the length of a file and not the file`() async throws {
        try await Site.with { site in
            try await withApp {
                $0.files("/", from: site.path)
            } _: { caller in
                for (target, size) in [("/large.bin", Site.large.utf8.count), ("/a%20b.txt", 4), ("/empty", 0)] {
                    let response = try await caller.send(target, method: "HEAD")
                    #expect(response.status == 200)
                    #expect(response.field("Content-Length") == "\(size)")
                    #expect(response.body.isEmpty)
                }
            }
        }
    }

    @Test func `a file that may change again unseen has a weak tag, and no date of the future`() async throws {
        try await Site.with { site in
            try site.write("future.txt", "future", modified: Date().timeIntervalSince1970 + 86_400)
            try await withApp {
                $0.files("/", from: site.path)
            } _: { caller in
                let response = try await caller.send("/future.txt")
                let tag = try #require(response.field("ETag"))
                #expect(tag.hasPrefix("W/"))
                let modified = try #require(response.field("Last-Modified").flatMap { HTTPDate($0) })
                #expect(modified.seconds <= Int64(Date().timeIntervalSince1970))
                #expect(try await caller.send("/future.txt", [("If-None-Match", tag)]).status == 304)
                let part = try await caller.send("/future.txt", [("Range", "bytes=0-0"), ("If-Range", tag)])
                #expect(part.status == 200)
            }
        }
    }

    @Test func `a change is seen once the bound on staleness has passed, and not before`() async throws {
        try await Site.with { site in
            try await withApp { app in
                app.loops = 1
                var serving = FileServing()
                serving.cache.staleness = .seconds(3600)
                app.files("/kept", from: site.path, serving)
                serving.cache.staleness = .zero
                app.files("/fresh", from: site.path, serving)
                serving.cache.bytes = 0
                app.files("/none", from: site.path, serving)
            } _: { caller in
                for prefix in ["/kept", "/fresh", "/none"] {
                    #expect(try await caller.send("\(prefix)/a%20b.txt").text == "text")
                }
                try site.write("a b.txt", "next", modified: 784_111_778)
                #expect(try await caller.send("/kept/a%20b.txt").text == "text")
                #expect(try await caller.send("/fresh/a%20b.txt").text == "next")
                #expect(try await caller.send("/none/a%20b.txt").text == "next")
                try site.remove("a b.txt")
                #expect(try await caller.send("/kept/a%20b.txt").text == "text")
                #expect(try await caller.send("/fresh/a%20b.txt").status == 404)
                #expect(try await caller.send("/none/a%20b.txt").status == 404)
            }
        }
    }

    @Test func `a folder that is not there fails the start`() async throws {
        let app = App()
        app.files("/", from: "/nonexistent/folder")
        let error = await #expect(throws: (any Error).self) { _ = try await app.start() }
        #expect("\(error!)" == "cannot serve files from /nonexistent/folder: no such file or directory")
    }

    @Test func `curl resumes, and asks for parts`() async throws {
        try await Site.with { site in
            try await withApp {
                $0.files("/", from: site.path)
            } _: { caller in
                let url = "http://\(caller.server.address)/large.bin"
                let part = site.root + "/part"
                try Data(Site.large.utf8.prefix(1_000_000)).write(to: URL(filePath: part))
                _ = try await run(["curl", "-sS", "-C", "-", "-o", part, url])
                #expect(try String(contentsOfFile: part, encoding: .utf8) == Site.large)
                #expect(try await run(["curl", "-sS", "-r", "10-15", url]).output == "abcdef")
                #expect(try await run(["curl", "-sS", "-r", "-3", url]).output == "def")
                let several = try await run(["curl", "-sS", "-r", "0-1,1000-1001", url]).output
                #expect(several.contains("Content-Range: bytes 1000-1001/4800000\r\n\r\n89\r\n"))
            }
        }
    }
}
