import Dispatch
import Foundation
import Glibc
import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrInsight

@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    private static func addRoutes(_ app: App) {
        app.use(RequestIDs(trustsClients: true))
        app.get("/text") { _ in "Hello" }
        app.get("/reset") { _ in Response(.resetContent, text: "a body") }
        app.get("/late") { _ async in
            await Task.yield()
            return "late"
        }
        app.get("/stream") { _ in
            Response { writer in for piece in ["a", "bc"] { try await writer.write(piece) } }
        }
        let private_ = app.group("/private")
        private_.use(BasicAuthentication { name, _ in name == "Aladdin" })
        private_.get("/") { _ in "in" }
        app.get("/slow", timeout: .milliseconds(10)) { _ async throws in
            try await Task.sleep(for: .seconds(600))
            return ""
        }
    }

    /// The lines that a server leaves for what `body` asks of it, without their times.
    private static func lines(
        _ format: AccessLog.Format, _ configure: @escaping (App) throws -> Void = addRoutes,
        _ body: @escaping @Sendable (Caller) async throws -> Void
    ) async throws -> [String] {
        let folder = try TemporaryFolder()
        try await withApp { app in
            app.accessLog = AccessLog(format, to: .file("\(folder.path)/log"))
            try configure(app)
        } _: { caller in
            try await body(caller)
        }
        return try folder.read("log").split(separator: "\n").map { line in
            String(line).replacing(/\[[0-9]{2}\/[A-Z][a-z]{2}\/20[0-9]{2}(:[0-9]{2}){3} \+0000\]/, with: "[time]")
                .replacing(/"time":"20[0-9]{2}-[0-9]{2}-[0-9]{2}T([0-9]{2}:){2}[0-9]{2}Z"/, with: "\"time\":\"\"")
                .replacing(/"duration":[0-9][0-9.e-]*/, with: "\"duration\":0")
        }
    }

    private static let basic = ("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")

    private static let rows: [(method: String, target: String, fields: [(String, String)], line: String)] = [
        ("GET", "/text?a=b", [], #"127.0.0.1 - - [time] "GET /text?a=b HTTP/1.1" 200 5"#),
        ("HEAD", "/text", [], #"127.0.0.1 - - [time] "HEAD /text HTTP/1.1" 200 0"#),
        ("GET", "/reset", [], #"127.0.0.1 - - [time] "GET /reset HTTP/1.1" 205 0"#),
        ("GET", "/late", [], #"127.0.0.1 - - [time] "GET /late HTTP/1.1" 200 4"#),
        ("GET", "/stream", [], #"127.0.0.1 - - [time] "GET /stream HTTP/1.1" 200 3"#),
        ("GET", "/private", [basic], #"127.0.0.1 - Aladdin [time] "GET /private HTTP/1.1" 200 2"#),
        ("GET", "/private", [], #"127.0.0.1 - - [time] "GET /private HTTP/1.1" 401 13"#),
        ("GET", "/slow", [], #"127.0.0.1 - - [time] "GET /slow HTTP/1.1" 503 27"#),
        ("GET", "/none", [], #"127.0.0.1 - - [time] "GET /none HTTP/1.1" 404 10"#),
        ("POST", "/text", [], #"127.0.0.1 - - [time] "POST /text HTTP/1.1" 405 19"#),
    ]

    @Test(arguments: rows.indices) func `each request leaves a line`(index: Int) async throws {
        let row = Self.rows[index]
        let lines = try await Self.lines(.common) { caller in
            _ = try await caller.send(row.target, row.fields, method: row.method)
        }
        #expect(lines == [row.line])
    }

    @Test func `the combined format has the referer and the agent, and no client can forge a line`() async throws {
        let lines = try await Self.lines(.combined) { caller in
            let agent = #"a "b" \ "# + "\t\u{e9}"
            _ = try await caller.send("/text", [("Referer", "http://r"), ("User-Agent", agent)])
            _ = try await caller.send("/text")
        }
        #expect(lines[0].hasSuffix(#"200 5 "http://r" "a \"b\" \\ \x09"# + "\u{e9}\""))
        #expect(lines[1].hasSuffix(#"200 5 "-" "-""#))
    }

    private static let hostile: [(bytes: [UInt8], quoted: String, json: String)] = [
        (Array("a \"\\ \u{e9}\u{1F600}".utf8), #"a \"\\ é😀"#, #"a \"\\ é😀"#),
        ([0x1B, 0x5B, 0x0A, 0x7F], #"\x1B[\x0A\x7F"#, #"\u001B[\u000A\u007F"#),
        // C1, as UTF-8 and as a terminal without UTF-8 takes it: the second is no character.
        ([0xC2, 0x9B, 0x31], #"\xC2\x9B1"#, #"\u009B1"#), ([0x9B, 0x31], #"\x9B1"#, "\u{FFFD}1"),
        (Array("\u{a0}\u{2028}".utf8), "\u{a0}\u{2028}", "\u{a0}\u{2028}"),
        // Cut, too long, a surrogate, out of Unicode.
        ([0xE2, 0x82], #"\xE2\x82"#, "\u{FFFD}"), ([0xC0, 0xAF], #"\xC0\xAF"#, "\u{FFFD}\u{FFFD}"),
        ([0xED, 0xA0, 0x80], #"\xED\xA0\x80"#, "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ([0xF4, 0x90, 0x80, 0x80, 0x61], #"\xF4\x90\x80\x80a"#, "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}a"),
    ]

    @Test(arguments: hostile) func `no line ends early, is obeyed by a terminal, or is no UTF-8`(
        bytes: [UInt8], quoted: String, json: String
    ) {
        for (escaping, expected) in [(AccessLogEscaping.quoted, quoted), (.json, json)] {
            var line: [UInt8] = []
            line.append(escaped: bytes.span, as: escaping)
            #expect(line == Array(expected.utf8))
        }
    }

    @Test func `the JSON format has route, duration and id, too`() async throws {
        let lines = try await Self.lines(.json) { caller in
            _ = try await caller.send(
                "/text", [("X-Request-ID", "id-1"), ("User-Agent", "a\"\tb")])
        }
        let expected =
            #"{"time":"","status":200,"bytes":5,"duration":0,"remote":"127.0.0.1","method":"GET","target":"/text","#
            + #""version":"HTTP/1.1","route":"/text","host":"h","agent":"a\"\u0009b","id":"id-1"}"#
        #expect(lines.first?.replacing(/"host":"[^"]*"/, with: #""host":"h""#) == expected)
    }

    @Test func `of a file that is sent by the kernel all bytes are counted, of a head none`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("large", String(repeating: "x", count: 3_000_000), mode: 0o644)
        let lines = try await Self.lines(
            .common, { app in app.files("/", from: folder.path) },
            { caller in
                for method in ["GET", "HEAD"] { _ = try await caller.send("/large", method: method) }
            })
        let get = #"127.0.0.1 - - [time] "GET /large HTTP/1.1" 200 3000000"#
        let head = #"127.0.0.1 - - [time] "HEAD /large HTTP/1.1" 200 0"#
        #expect(lines == [get, head])
    }

    @Test(arguments: [AccessLog.Format.common, .combined, .json])
    func `what is refused before it comes to a route leaves a line, too`(format: AccessLog.Format) async throws {
        let lines = try await Self.lines(format) { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
            await raw.receive { _ in false }
        }
        let expected =
            switch format {
            case .common: #"127.0.0.1 - - [time] "-" 400 0"#
            case .combined: #"127.0.0.1 - - [time] "-" 400 0 "-" "-""#
            case .json: #"{"time":"","status":400,"bytes":0,"remote":"127.0.0.1"}"#
            }
        #expect(lines == [expected])
    }

    @Test func `a client that goes away before its response is 499`() async throws {
        let (began, ended) = (Signal(), Signal())
        let lines = try await Self.lines(
            .common,
            { app in
                app.get("/") { _ async throws in
                    began.send()
                    defer { ended.send() }
                    try await Task.sleep(for: .seconds(600))
                    return ""
                }
            },
            { caller in
                let raw = try await caller.connect()
                raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await began.wait()
                raw.reset()
                await ended.wait()
            })
        #expect(lines == [#"127.0.0.1 - - [time] "GET / HTTP/1.1" 499 0"#])
    }

    private static let stops = [
        ("Content-Length: 9\r\n\r\nabc", 408), ("Transfer-Encoding: chunked\r\n\r\nno size\r\n", 400),
    ]

    @Test(arguments: stops) func `what the server says in a handler's place is in its line`(
        rest: String, status: Int
    ) async throws {
        let lines = try await Self.lines(
            .common,
            { app in
                app.server.progressTimeout = .milliseconds(100)
                app.post("/") { request async throws in "\(try await request.body(upTo: 100).count)" }
            },
            { caller in
                let raw = try await caller.connect()
                raw.send("POST / HTTP/1.1\r\nHost: a\r\n\(rest)")
                #expect(await raw.receive { $0.hasPrefix("HTTP/1.1 \(status) ") }.isEmpty == false)
            })
        #expect(lines == [#"127.0.0.1 - - [time] "POST / HTTP/1.1" \#(status) 0"#])
    }

    @Test func `a file that was moved away is left alone once the log is opened anew`() async throws {
        let folder = try TemporaryFolder()
        try await withApp { app in
            app.accessLog = AccessLog(.common, to: .file("\(folder.path)/log"))
            app.get("/**") { _ in "" }
        } _: { caller in
            _ = try await caller.send("/before")
            try await eventually("it is written") { try folder.read("log").contains("/before") }
            _ = try await run(["mv", "\(folder.path)/log", "\(folder.path)/old"])
            caller.server.reopenAccessLog()
            try await eventually("it is opened anew") { (try? folder.read("log")) == "" }
            _ = try await caller.send("/after")
        }
        #expect(try folder.read("log").contains("/after"))
        #expect(try !folder.read("old").contains("/after"))
    }

    @Test func `lines that the disk does not take are dropped and counted, and requests go on`() async throws {
        for (path, waitingBytes) in [("/dev/full", 1 << 20), ("/dev/null", 1)] {
            try await withApp { app in
                app.accessLog = AccessLog(.common, to: .file(path))
                app.accessLog?.waitingBytes = waitingBytes
                app.get("/") { _ in "served" }
            } _: { caller in
                for _ in 0..<3 { #expect(try await caller.send("/").text == "served") }
                try await eventually("they are counted") { caller.server.droppedAccessLogLines == 3 }
            }
        }
    }

    @Test func `one thread writes all logs on a disk, and one that hangs holds up no other`() async throws {
        let folder = try TemporaryFolder()
        let elsewhere = "/dev/shm/igropyr-test-\(getpid()).log"
        defer { unlink(elsewhere) }
        let paths = ["\(folder.path)/a", "\(folder.path)/b", elsewhere]
        let logger = KeptLog().logger
        let writers = try paths.map { try AccessLogWriter(AccessLog(.common, to: .file($0)), logger: logger) }
        let device = try LogFile(appendingTo: paths[0]).device
        let (hangs, mayGoOn) = (Signal(), DispatchSemaphore(value: 0))
        try LogThread.enter(device).submit {
            hangs.send()
            mayGoOn.wait()
        }
        await hangs.wait()
        for writer in writers { writer.write(Array("line\n".utf8), lines: 1) }
        try await eventually("the other is written") {
            try String(contentsOfFile: elsewhere, encoding: .utf8) == "line\n"
        }
        #expect(try folder.read("a").isEmpty && folder.read("b").isEmpty)
        mayGoOn.signal()
        await LogThread.leave(device)
        await writers.stop()
        #expect(try folder.read("a") == "line\n" && folder.read("b") == "line\n")
    }

    @Test func `a disk that takes nothing is told of once for many lines, and of the rest at the end`() async throws {
        let log = KeptLog()
        let drops = { @Sendable in log.count(of: "lines of a log were dropped") }
        try await withApp { app in
            app.logger = log.logger
            app.accessLog = AccessLog(.common, to: .file("/dev/full"))
            app.get("/") { _ in "served" }
        } _: { caller in
            _ = try await caller.send("/")
            try await eventually("it is told") { drops() == 1 }
            for number in 2...30 {
                _ = try await caller.send("/")
                try await eventually("it is counted") { caller.server.droppedAccessLogLines == number }
            }
            #expect(drops() < 30)
        }
        #expect((2..<30).contains(drops()))
    }

    @Test(arguments: [("/dev/full", 1 << 20), ("/dev/null", 1)])
    func `all dropped lines are told of in time, without a further one`(path: String, waitingBytes: Int) async throws {
        let log = KeptLog()
        var settings = AccessLog(.common, to: .file(path))
        settings.waitingBytes = waitingBytes
        let writer = try AccessLogWriter(settings, logger: log.logger, reportInterval: .milliseconds(50))
        let told = { @Sendable in log.entries.compactMap { $0.metadata["lines"].flatMap { Int($0) } } }
        for _ in 1...3 { writer.write([1, 2], lines: 100) }
        try await eventually("they are told of") { told().reduce(0, +) == 300 }
        await writer.stop()
        #expect(told().reduce(0, +) == 300)
    }

    @Test
    func
        `a pipe that nobody reads holds up neither the start nor another log, and loses no line that there is room for`()
        async throws
    {
        let folder = try TemporaryFolder()
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        let logger = KeptLog().logger
        let writers = try ["pipe", "file"].map {
            try AccessLogWriter(AccessLog(.common, to: .file("\(folder.path)/\($0)")), logger: logger)
        }
        let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
        for _ in 0..<200 { writers[0].write(line, lines: 1) }
        writers[1].write(line, lines: 1)
        try await eventually("the other log is written") { try folder.read("file").utf8.count == 1000 }
        let size = 200 * line.count
        let reader = Task.detached { [path = "\(folder.path)/pipe"] in try readFromPipe(path, count: size) }
        #expect(try await reader.value.allSatisfy { $0 == line[0] || $0 == line[999] })
        for _ in 0..<200 { writers[0].write(line, lines: 1) }
        await writers.stop()
        #expect((100..<200).contains(writers[0].droppedLines) && writers[1].droppedLines == 0)
    }

    @Test func `a log that cannot be opened fails the start`() async throws {
        let app = App()
        app.accessLog = AccessLog(to: .file("/nowhere/log"))
        let error = await #expect(throws: StartFailure.self) { _ = try await app.start() }
        #expect(error?.description.hasPrefix("the access log /nowhere/log cannot be written: ") == true)
    }
}

/// Blocks until so much has come.
private func readFromPipe(_ path: String, count: Int) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < count {
        let read = read(descriptor, &buffer, min(buffer.count, count - bytes.count))
        guard read > 0 else { throw POSIXError(.EIO) }
        bytes += buffer.prefix(read)
    }
    return bytes
}
