import Foundation
import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrSites

/// Debian's php-fpm, for the length of a test.
private final class PHPServer {
    let folder: String
    private var program: BackgroundCommand?

    var socket: String { folder + "/php.sock" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/igropyr-php-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let settings = """
            [global]
            error_log = \(folder)/fpm.log
            daemonize = no
            [www]
            listen = \(socket)
            user = root
            group = root
            pm = static
            pm.max_children = 3
            catch_workers_output = no
            php_admin_flag[log_errors] = on
            """
        try settings.write(toFile: folder + "/fpm.conf", atomically: false, encoding: .utf8)
    }

    func start() async throws {
        let find = "exec $(ls /usr/sbin/php-fpm* | head -1) -F -R -y \(folder)/fpm.conf"
        program = try BackgroundCommand(["sh", "-c", find])
        try await eventually("php-fpm listens") { FileManager.default.fileExists(atPath: self.socket) }
    }

    func stop() async throws {
        let program = program
        program?.signal(SIGTERM)
        try await eventually("php-fpm ends") { !(program?.isRunning ?? false) }
        try? FileManager.default.removeItem(atPath: socket)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

private func withPHP(
    idle: Int = 0, timeout: String = "30s",
    _ body: @escaping @Sendable (SiteCaller, SiteFixture, PHPServer) async throws -> Void
) async throws {
    nonisolated(unsafe) let php = try PHPServer()
    defer { php.remove() }
    try await php.start()
    try await withSite(
        """
        error-log: error.log
        body: 64MiB
        index: [index.php]
        handlers:
          php: {fastcgi: {address: "unix:\(php.socket)", idle-connections: \(idle), timeout: \(timeout)}}
        """
    ) { caller, site in
        try await body(caller, site, php)
    }
    try await php.stop()
}

@Suite(.timeLimit(.minutes(5)), .serialized) struct FastCGITests {
    @Test(arguments: [0, 2]) func `PHP answers by FastCGI, on new connections and on kept ones`(idle: Int) async throws
    {
        try await withPHP(idle: idle) { caller, site, _ in
            try site.write("index.php", "<?php echo 'index of ', $_SERVER['SCRIPT_NAME'];")
            try site.write(
                "a.php",
                """
                <?php header('X-Sum: ' . (1 + 2)); setcookie('a', 'b'); http_response_code(201);
                echo $_SERVER['REQUEST_METHOD'], $_GET['q'], $_POST['p'] ?? '', $_SERVER['PATH_INFO'] ?? '-';
                """)
            #expect(try await caller.text("/") == "index of /index.php")
            for round in 0..<20 {
                let response = try await caller.send(
                    "/a.php/info?q=\(round)", [("Content-Type", "application/x-www-form-urlencoded")], method: "POST",
                    body: Array("p=form".utf8))
                #expect(response.status == 201 && response.text == "POST\(round)form/info", "\(response.text)")
                #expect(response.field("X-Sum") == "3" && response.field("Set-Cookie") == "a=b")
            }
        }
    }

    @Test func `large bodies go both ways`() async throws {
        try await withPHP { caller, site, _ in
            try site.write("cat.php", "<?php header('Content-Type: a/b'); readfile('php://input');")
            let body = (0..<(6 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
            let response = try await caller.send("/cat.php", [("Content-Type", "a/b")], method: "POST", body: body)
            #expect(response.body == body)
        }
    }

    @Test func `what a page answers is compressed, unless something forbids it`() async throws {
        let rows: [(header: String, coding: String?, tag: String?)] = [
            ("X-A: b", "gzip", nil), ("ETag: \"v\"", "gzip", "W/\"v\""), ("Cache-Control: no-transform", nil, nil),
            ("Content-Encoding: x-own", "x-own", nil), ("Content-Type: image/png", nil, nil),
            ("Content-Type: text/event-stream", nil, nil), ("Content-Range: bytes 0-9/10", nil, nil),
            ("Content-MD5: AAAA", nil, nil), ("Content-Length: 12000", "gzip", nil),
        ]
        try await withPHP { caller, site, _ in
            try site.write("a.php", "<?php header($_GET['h']); echo str_repeat('twelve bytes', 1000);")
            try site.write("b.php", "<?php echo 'short';")
            for (header, coding, tag) in rows {
                let escaped = header.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let response = try await caller.send("/a.php?h=\(escaped)", [("Accept-Encoding", "gzip")])
                #expect(response.field("Content-Encoding") == coding, "\(header)")
                #expect(response.field("Vary") == (coding == "gzip" ? "Accept-Encoding" : nil), "\(header)")
                #expect((response.body.count < 1000) == (coding == "gzip"), "\(header)")
                if let tag { #expect(response.field("ETag") == tag) }
            }
            let short = try await caller.send("/b.php", [("Accept-Encoding", "gzip")])
            #expect(short.text == "short" && short.field("Content-Encoding") == nil)
            #expect(try await caller.send("/a.php").field("Content-Encoding") == nil)
        }
    }

    @Test func `what a page flushes can be read at once, though it is compressed`() async throws {
        try await withPHP { caller, site, _ in
            try site.write(
                "a.php",
                """
                <?php while (ob_get_level()) ob_end_flush();
                echo 'first '; flush();
                while (!file_exists(__DIR__ . '/go')) { usleep(10000); clearstatcache(); }
                echo 'second';
                """)
            let curl = try BackgroundCommand([
                "curl", "-sSN", "--compressed", "-H", "Accept-Encoding: gzip", "-w", "%header{content-encoding}",
                "http://\(caller.running.address)/a.php",
            ])
            try await eventually("the first can be read") { curl.output == "first " }
            try site.write("go", "")
            try await eventually("all can be read") { curl.output == "first secondgzip" }
        }
    }

    /// Says the same to each, in one write.
    private static let responder = """
        while True:
            peer, _ = listener.accept()
            peer.recv(65536)
            peer.sendall(bytes.fromhex(sys.argv[2]))
            peer.close()
        """

    private static func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, type, 0, 1, 0, UInt8(content.count), 0, 0] + content
    }

    @Test(arguments: ["5", "4"]) func `an answer that is here whole is as long as its program has said`(
        length: String
    ) async throws {
        let folder = try TemporaryFolder()
        let head = "Content-Type: text/plain\r\nContent-Length: \(length)\r\n\r\n"
        let answer =
            Self.record(6, Array((head + "12").utf8)) + Self.record(6, Array("345".utf8))
            + Self.record(3, [UInt8](repeating: 0, count: 8))
        let bytes = answer.map { String(format: "%02x", $0) }.joined()
        let (program, socket) = try await UnixResponder.run(Self.responder, bytes, in: folder)
        try await withSite("handlers: {app: {fastcgi: \"unix:\(socket)\"}}") { caller, site in
            try site.write("a.app", "")
            #expect(try await caller.text("/a.app") == "12345".prefix(Int(length) ?? 0))
        }
        program.signal(SIGTERM)
    }

    /// Answers by the number of the connection once it has seen the variables, and reads no more from the first.
    private static let hastyResponder = """
        peers = []
        while True:
            peer, _ = listener.accept()
            peers.append(peer)
            file = peer.makefile("rb")
            while len(head := file.read(8)) == 8:
                content = file.read(head[4] << 8 | head[5])
                if head[1] == 4 and not content:
                    text = b"Content-Type: text/plain\\r\\n\\r\\n%d" % len(peers)
                    peer.sendall(bytes([1, 6, 0, 1, 0, len(text), 0, 0]) + text + bytes([1, 3, 0, 1, 0, 8] + [0] * 10))
                    if len(peers) == 1:
                        break
        """

    /// What is left of the body would be the next one's.
    @Test func `a connection is not used again while a request's body has yet to go`() async throws {
        let folder = try TemporaryFolder()
        let (program, socket) = try await UnixResponder.run(Self.hastyResponder, in: folder)
        let yaml = "body: 8MiB\nhandlers: {app: {fastcgi: {address: \"unix:\(socket)\", idle-connections: 1}}}"
        try await withSite(yaml, change: { $0.loops = 1 }) { caller, site in
            try site.write("a.app", "")
            let body = [UInt8](repeating: 1, count: 8 << 20)
            #expect(try await caller.send("/a.app", method: "POST", body: body).text == "1")
            for _ in 0..<2 { #expect(try await caller.text("/a.app") == "2") }
        }
        program.signal(SIGTERM)
    }

    /// Answers by the number of requests that have come, on connections that it keeps; but to the second it says what
    /// it was told, which may be nothing, and then closes.
    private static let breakingResponder = """
        asked = 0
        while True:
            peer, _ = listener.accept()
            file = peer.makefile("rb")
            while len(head := file.read(8)) == 8:
                content = file.read(head[4] << 8 | head[5])
                if head[1] != 5 or content: continue
                asked += 1
                if asked == 2: break
                text = b"Content-Type: text/plain\\r\\n\\r\\n%d" % asked
                peer.sendall(bytes([1, 6, 0, 1, 0, len(text), 0, 0]) + text + bytes([1, 3, 0, 1, 0, 8] + [0] * 10))
            if asked == 2: peer.sendall(bytes.fromhex(sys.argv[2]))
            file.close()
            peer.close()
        """

    private static let broken: [(method: String, said: [UInt8], status: Int, asked: Int)] = [
        ("GET", [], 200, 4), ("PROPFIND", [], 502, 3), ("POST", [], 502, 3),
        ("GET", record(6, Array("no head\n\n".utf8)), 502, 3), ("GET", Array("HTTP/1.1 ".utf8), 502, 3),
    ]

    /// The program may have begun with it, as is certain once it has said something.
    @Test(arguments: broken) func `a request is sent again only if nothing came of it and it may be done twice`(
        method: String, said: [UInt8], status: Int, asked: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let bytes = said.map { String(format: "%02x", $0) }.joined()
        let (program, socket) = try await UnixResponder.run(Self.breakingResponder, bytes, in: folder)
        let yaml = "handlers: {app: {fastcgi: {address: \"unix:\(socket)\", idle-connections: 1}}}"
        try await withSite(yaml, change: { $0.loops = 1 }) { caller, site in
            try site.write("a.app", "")
            #expect(try await caller.text("/a.app") == "1")
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("\(method) /a.app HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 \(status) "))
            raw.close()
            #expect(try await caller.text("/a.app") == "\(asked)")
        }
        program.signal(SIGTERM)
    }

    /// Answers one after the other by what each has sent.
    private static let patientResponder = """
        while True:
            peer, _ = listener.accept()
            file = peer.makefile("rb")
            body = b""
            while head := file.read(8):
                content = file.read(head[4] << 8 | head[5])
                if head[1] == 5:
                    body += content
                    if not content: break
            text = b"Content-Type: text/plain\\r\\n\\r\\n(%s)" % body
            peer.sendall(bytes([1, 6, 0, 1, 0, len(text), 0, 0]) + text + bytes([1, 3, 0, 1, 0, 8] + [0] * 10))
            file.close()
            peer.close()
        """

    @Test(arguments: ["fastcgi: {address: ADDRESS, connections: 1}", "cgi: {interpreter: /bin/sh}"])
    func `a client who is slow to send keeps no program from others`(handler: String) async throws {
        let folder = try TemporaryFolder()
        let (program, socket) = try await UnixResponder.run(Self.patientResponder, in: folder)
        let begun = folder.path + "/begun"
        let yaml = "processes: 1\nhandlers: {app: {\(handler.replacing("ADDRESS", with: "\"unix:\(socket)\""))}}"
        let change: @Sendable (inout Site) -> Void = { site in
            site.loops = 1
            site.events.file = { call in
                if call.method == "POST" { try Data().write(to: URL(filePath: begun)) }
                return nil
            }
        }
        try await withSite(yaml, change: change) { caller, site in
            try site.write("a.app", "printf 'Content-Type: text/plain\\n\\n(%s)' \"$(cat)\"")
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("POST /a.app HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
            try await eventually("it has begun") { FileManager.default.fileExists(atPath: begun) }
            #expect(try await caller.text("/a.app") == "()")
            try await raw.send("cd")
            #expect(try await raw.receive(until: "(abcd)").hasPrefix("HTTP/1.1 200 "))
            raw.close()
        }
        program.signal(SIGTERM)
    }

    @Test func `a server that was started anew is found again`() async throws {
        try await withPHP(idle: 4) { caller, site, php in
            try site.write("a.php", "<?php echo 'pid ', getmypid();")
            let first = try await caller.text("/a.php")
            try await php.stop()
            #expect(try await caller.status("/a.php") == 502)
            try await eventually("the reason") { site.text("error.log").contains("cannot be reached") }
            try await php.start()
            let second = try await caller.text("/a.php")
            #expect(second.hasPrefix("pid ") && second != first)
        }
    }

    /// The first may be sent on the connection of who is gone, and then again; what has a body may not.
    @Test func `a connection that rested is left when its program is gone`() async throws {
        try await withPHP(idle: 4) { caller, site, _ in
            try site.write("a.php", "<?php echo $_SERVER['REQUEST_METHOD'], ' ', getmypid();")
            for method in ["GET", "POST"] {
                let first = try await caller.text("/a.php")
                let program = try #require(first.split(separator: " ").last.flatMap { pid_t($0) })
                kill(program, SIGKILL)
                if method == "POST" { try await eventually("it is gone") { kill(program, 0) != 0 } }
                let body = method == "POST" ? Array("text".utf8) : []
                let second = try await caller.send("/a.php", method: method, body: body).text
                #expect(second.hasPrefix(method) && !second.hasSuffix(" \(program)"))
            }
        }
    }

    @Test func `errors of a page go to the error log, and silence has an end`() async throws {
        try await withPHP(timeout: "5s") { caller, site, _ in
            try site.write("a.php", "<?php error_log('it hurts'); echo 'fine';")
            try site.write("slow.php", "<?php sleep(30);")
            #expect(try await caller.text("/a.php") == "fine")
            try await eventually("the page's error") { site.text("error.log").contains("it hurts") }
            #expect(try await caller.status("/slow.php") == 504)
        }
    }

    @Test func `programs that access files name one after the other are not all kept in mind`() async throws {
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        let site = try Site(Array(), file: fixture.path + "/site.yaml")
        try await onLoop { loop in
            let here = SiteLoop(LatestParts(try SiteParts(site)), loop, loops: 1)
            defer { here.close() }
            for number in 0..<200 { _ = try here.pool(GatewaySettings(.unix("/\(number)"))) }
            #expect((1...64).contains(here.pools.count))
        }
    }

    // MARK: Records

    @Test func `a request is opened as FastCGI 1.0 has it`() {
        let long = String(repeating: "v", count: 200)
        let variables = MetaVariables([("A", "b"), ("LONG", long)])
        let bytes = FastCGIRecord.opening(variables, hasInput: true, keepsConnection: true)
        let whole = FastCGIRecord.opening(variables, hasInput: false, keepsConnection: true)
        #expect(whole == bytes + FastCGIRecord.endOfInput)
        let begin: [UInt8] = [1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
        #expect(Array(bytes.prefix(16)) == begin)
        let pairs: [UInt8] = [1, 1] + "Ab".utf8 + [4, 0x80, 0, 0, 200] + "LONG".utf8 + long.utf8
        #expect(Array(bytes[16..<24]) == [1, 4, 0, 1, UInt8(pairs.count >> 8), UInt8(pairs.count & 0xFF), 0, 0])
        #expect(Array(bytes[24..<(24 + pairs.count)]) == pairs)
        #expect(Array(bytes.suffix(8)) == [1, 4, 0, 1, 0, 0, 0, 0])
    }

    @Test func `variables are read as they were written`() {
        let variables = ["A": "b", "EMPTY": "", "LONG": String(repeating: "é", count: 100), "": "unnamed"]
        #expect(MetaVariables(variables.map { (name: $0.key, value: $0.value) }).dictionary == variables)
    }

    private static let records: [(bytes: [UInt8], event: FastCGIRecord.Event)] = [
        ([1, 6, 0, 1, 0, 2, 1, 0, 65, 66, 0], .output(8..<10, consumed: 11)),
        ([1, 7, 0, 1, 0, 1, 0, 0, 65], .errorOutput(8..<9, consumed: 9)),
        ([1, 6, 0, 1, 0, 0, 0, 0], .nothing(consumed: 8)), ([1, 6, 0, 1, 0, 2, 0, 0, 65], .needMore),
        ([1, 6, 0], .needMore),
        ([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], .end(.complete, consumed: 16)),
        ([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0], .end(.overloaded, consumed: 16)),
    ]

    @Test(arguments: records) func `each record is read`(bytes: [UInt8], event: FastCGIRecord.Event) throws {
        #expect(try FastCGIRecord.next(in: bytes, from: 0) == event)
    }

    private static let brokenRecords: [(bytes: [UInt8], mistake: FastCGIRecord.Mistake)] = [
        ([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0], .badEnding), ([1, 3, 0, 1, 0, 0, 0, 0], .badEnding),
        ([2, 6, 0, 1, 0, 0, 0, 0], .version(2)), ([1, 99, 0, 1, 0, 0, 0, 0], .unexpectedType(99)),
        ([1, 4, 0, 1, 0, 0, 0, 0], .unexpectedType(4)), ([1, 6, 0, 2, 0, 0, 0, 0], .otherRequest(2)),
    ]

    @Test(arguments: brokenRecords) func `what is no record is refused`(bytes: [UInt8], mistake: FastCGIRecord.Mistake)
    {
        #expect(throws: mistake) { try FastCGIRecord.next(in: bytes, from: 0) }
    }

    @Test func `a mark that combines with the space before it is a value's beginning`() throws {
        var parser = GatewayHeadParser()
        let found = try parser.take(Array("Content-Type: a/b\nX-A: \u{301}b \n\n".utf8))
        #expect(found?.head.fields.map(\.value) == ["\u{301}b"])
    }

    @Test func `a head is read the same however it is cut`() throws {
        let text = Array("Status: 201 Made\r\nContent-Type: a/b\nX-A: b\r\n\r\nrest".utf8)
        for step in 1...text.count {
            var parser = GatewayHeadParser()
            var found: (head: GatewayHead, rest: [UInt8])?
            var offset = 0
            while found == nil, offset < text.count {
                found = try parser.take(Array(text[offset..<min(offset + step, text.count)]))
                offset += step
            }
            #expect(found?.head.status == 201 && found?.head.contentType == "a/b" && found?.head.fields.count == 1)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct SCGITests {
    private static let server = """
        while True:
            peer, _ = listener.accept()
            file = peer.makefile("rwb")
            length = b""
            while (byte := file.read(1)) != b":":
                length += byte
            parts = file.read(int(length)).split(b"\\0")
            assert file.read(1) == b"," and parts[0] == b"CONTENT_LENGTH"
            fields = dict(zip(parts[::2], parts[1::2]))
            body = file.read(int(fields[b"CONTENT_LENGTH"]))
            assert fields[b"SCGI"] == b"1"
            file.write(b"Status: 202\\r\\nContent-Type: text/plain\\r\\n\\r\\n")
            file.write(fields[b"SCRIPT_NAME"] + b" " + fields[b"QUERY_STRING"] + b" " + body)
            file.close()
            peer.close()
        """

    @Test func `a program answers by SCGI`() async throws {
        let folder = try TemporaryFolder()
        let (program, socket) = try await UnixResponder.run(Self.server, in: folder)
        try await withSite("handlers: {app: {scgi: \"unix:\(socket)\"}}") { caller, site in
            try site.write("a.app", "")
            for body in ["", "sent", String(repeating: "x", count: 1 << 19)] {
                let response = try await caller.send("/a.app?q", method: "POST", body: Array(body.utf8))
                #expect(response.status == 202 && response.text == "/a.app q \(body)")
            }
        }
        program.signal(SIGTERM)
    }
}
