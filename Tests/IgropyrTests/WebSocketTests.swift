import Igropyr
import IgropyrTransport
import IgropyrUV
import Logging
import TestSupport
import Testing

/// WebSockets between our server and our client, and what a peer does that is no proper client.
@Suite(.timeLimit(.minutes(5))) struct WebSocketTests {
    @Sendable private static func echo(_ request: Request, _ socket: WebSocket) async throws {
        for try await message in socket.messages { try await socket.send(message) }
    }

    private static func handshake(_ path: String = "/", _ fields: String...) -> String {
        (["GET \(path) HTTP/1.1", "Host: a", "Connection: keep-alive, Upgrade", "Upgrade: websocket"]
            + ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="] + fields + ["", ""])
            .joined(separator: "\r\n")
    }

    /// A frame with the mask of zeros, in which ASCII stays what it is.
    private static func frame(_ first: UInt8, _ payload: String) -> [UInt8] {
        [first, 0x80 | UInt8(payload.utf8.count), 0, 0, 0, 0] + Array(payload.utf8)
    }

    private static let isUpgraded = { @Sendable (text: String) in text.contains("\r\n\r\n") }

    // MARK: Messages

    @Test(arguments: [true, false]) func `messages of all sizes come back`(isCompressing: Bool) async throws {
        try await withApp { app in
            app.webSocket("/echo", Self.echo)
        } _: { caller in
            var settings = WebSocketSettings()
            settings.allowsCompression = isCompressing
            let url = "ws://\(caller.server.address)/echo"
            let count = try await WebSocket.connect(to: url, settings: settings) { socket in
                var count = 0
                for size in [0, 1, 125, 126, 300, 65_535, 65_536, 900_000] {
                    let text =
                        String(repeating: "ä\(size) ", count: size / 10) + String(repeating: "x", count: size % 10)
                    try await socket.send(text)
                    #expect(try await socket.receive() == .text(text))
                    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
                    try await socket.send(bytes)
                    #expect(try await socket.receive() == .binary(bytes))
                    count += 1
                }
                return count
            }
            #expect(count == 8)
        }
    }

    @Test func `a client outside of any loop is served, many at once`() async throws {
        try await withApp { app in
            app.webSocket("/:name") { request, socket in
                let name = request.parameters["name"] ?? ""
                for try await message in socket.messages {
                    guard case .text(let text) = message else { continue }
                    try await socket.send("\(name) \(text)")
                }
            }
        } _: { caller in
            let address = caller.server.address
            let answers = try await Task.detached {
                try await withThrowingTaskGroup(of: [WebSocketMessage].self) { group in
                    for number in 0..<30 {
                        group.addTask {
                            try await WebSocket.connect(to: "ws://\(address)/\(number)?a=b") { socket in
                                for turn in 0..<5 { try await socket.send("\(turn)") }
                                var answers: [WebSocketMessage] = []
                                while answers.count < 5, let answer = try await socket.receive() {
                                    answers.append(answer)
                                }
                                return answers
                            }
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }.value
            let expected = (0..<30).map { number in (0..<5).map { WebSocketMessage.text("\(number) \($0)") } }
            #expect(Set(answers) == Set(expected))
        }
    }

    @Test func `by TLS the server's certificate must be good`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("app", for: ["IP:127.0.0.1"])
        let other = try await TestAuthority()
        try await withApp { app in
            app.tls = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
            app.webSocket("/", Self.echo)
        } _: { caller in
            let url = "wss://\(caller.server.address)"
            try await WebSocket.connect(to: url, authorities: authority.file) { socket in
                try await socket.send("secret")
                #expect(try await socket.receive() == .text("secret"))
            }
            let failure = await #expect(throws: WebSocketFailure.self) {
                try await WebSocket.connect(to: url, authorities: other.file) { _ in }
            }
            #expect(failure?.reason.contains("certificate") == true, "\(failure?.reason ?? "")")
        }
    }

    @Test func `both ends agree on a subprotocol`() async throws {
        var settings = WebSocketSettings()
        settings.subprotocols = ["chat.v2", "chat.v1"]
        let server = settings
        try await withApp { app in
            app.webSocket("/", settings: server) { _, socket in try await socket.send(socket.subprotocol ?? "none") }
        } _: { caller in
            for (offered, agreed) in [
                (["chat.v1"], "chat.v1"), (["chat.v1", "chat.v2"], "chat.v2"), (["other"], "none"),
            ] {
                var settings = WebSocketSettings()
                settings.subprotocols = offered
                try await WebSocket.connect(to: "ws://\(caller.server.address)/", settings: settings) { socket in
                    let message = try await socket.receive()
                    #expect(message == .text(agreed))
                    #expect(socket.subprotocol == (agreed == "none" ? nil : agreed))
                }
            }
        }
    }

    // MARK: Handshake

    @Test func `the handshake is that of RFC 6455 §1.3`() async throws {
        try await withApp { app in
            app.use { request in request.header("X-Bad") == nil ? nil : Response(.forbidden) }
            app.webSocket("/", Self.echo)
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(Self.handshake())
            let head = await raw.receive(until: Self.isUpgraded)
            #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
            #expect(head.contains("\r\nUpgrade: websocket\r\n") && head.contains("\r\nConnection: Upgrade\r\n"))
            #expect(!head.contains("Sec-WebSocket-Extensions") && !head.contains("Content-Length"))
            raw.send(Self.frame(0x81, "Hello") + Self.frame(0x89, "p") + Self.frame(0x88, "\u{3}\u{0}"))
            raw.close()
        }
    }

    @Test func `a request that opens none is told why`() async throws {
        var known = WebSocketSettings()
        known.origins = .these(["https://known.example"])
        var any = WebSocketSettings()
        any.origins = .any
        let (knownOnly, anybody) = (known, any)
        try await withApp { app in
            app.use { request in request.header("X-Bad") == nil ? nil : Response(.forbidden) }
            app.webSocket("/", Self.echo)
            app.webSocket("/known", settings: knownOnly, Self.echo)
            app.webSocket("/any", settings: anybody, Self.echo)
        } _: { caller in
            let good = Self.handshake()
            let rows: [(String, String, String)] = [
                (good.replacing("Upgrade: websocket\r\n", with: ""), "426", "\r\nUpgrade: websocket\r\n"),
                (good.replacing("keep-alive, Upgrade", with: "keep-alive"), "426", "\r\nUpgrade: websocket\r\n"),
                (good.replacing("websocket\r\n", with: "h2c\r\n"), "426", "\r\nUpgrade: websocket\r\n"),
                (good.replacing("Version: 13", with: "Version: 8"), "426", "\r\nSec-WebSocket-Version: 13\r\n"),
                (good.replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "dGhlIA=="), "400", ""),
                (
                    good.replacing("\r\n\r\n", with: "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), "400",
                    ""
                ),
                (good.replacing("\r\n\r\n", with: "\r\nContent-Length: 1\r\n\r\nx"), "400", ""),
                (good.replacing("GET", with: "POST"), "405", ""),
                (good.replacing("HTTP/1.1", with: "HTTP/1.0"), "426", ""),
                (Self.handshake("/", "Origin: https://evil.example"), "403", ""),
                (Self.handshake("/", "Origin: null"), "403", ""),
                (Self.handshake("/", "Origin: http://A"), "101", ""),
                (Self.handshake("/known", "Origin: https://known.example"), "101", ""),
                (Self.handshake("/known", "Origin: https://a"), "403", ""),
                (Self.handshake("/any", "Origin: https://evil.example"), "101", ""),
                (Self.handshake("/", "X-Bad: 1"), "403", ""),
                (Self.handshake("/nowhere"), "404", ""),
            ]
            for (request, status, field) in rows {
                let raw = try await caller.connect()
                raw.send(request)
                let answer = await raw.receive(until: Self.isUpgraded)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(request)\(answer)")
                #expect(field.isEmpty || answer.contains(field), "\(request)\(answer)")
                raw.close()
            }
        }
    }

    @Test func `a client is told why it gets none`() async throws {
        try await withApp { app in
            app.get("/page") { _ in "page" }
        } _: { caller in
            let address = caller.server.address
            for (url, status) in [
                ("ws://\(address)/page", 200), ("ws://\(address)/nowhere", 404), ("ws://127.0.0.1:1/", nil),
                ("http://\(address)/", nil), ("ws://\(address)/#a", nil), ("ws://", nil), ("ws://u@\(address)/", nil),
                ("ws://nowhere.invalid/", nil), ("wss://\(address)/", nil),
            ] as [(String, Int?)] {
                let failure = await #expect(throws: WebSocketFailure.self) {
                    try await WebSocket.connect(to: url) { _ in }
                }
                #expect(failure?.status == status, "\(url)")
                let told = url.replacing("//u@", with: "//…@").replacing("#a", with: "")
                #expect(failure?.description.contains(told) == true, "\(url)")
            }
        }
    }

    // MARK: End

    @Test func `who closes says why, and the other end hears it`() async throws {
        let heard = Locked<WebSocketClosure?>(nil)
        let ended = Signal()
        try await withApp { app in
            app.webSocket("/server") { _, socket in await socket.close(.tryAgainLater, reason: "später") }
            app.webSocket("/return") { _, _ in }
            app.webSocket("/throw") { _, _ in throw HTTPFailure(.conflict) }
            app.webSocket("/client") { _, socket in
                for try await _ in socket.messages {}
                let closure = await socket.closure
                heard.withLock { $0 = closure }
                ended.send()
            }
        } _: { caller in
            let url = "ws://\(caller.server.address)"
            for (path, code, reason) in [
                ("/server", .tryAgainLater, "später"), ("/return", .normal, ""), ("/throw", .internalError, ""),
            ] as [(String, WebSocketCloseCode, String)] {
                try await WebSocket.connect(to: url + path) { socket in
                    do {
                        #expect(try await socket.receive() == nil)
                        #expect(code == .normal)
                    } catch { #expect(error as? WebSocketClosure == WebSocketClosure(code: code, reason: reason)) }
                    #expect(await socket.closure == WebSocketClosure(code: code, reason: reason))
                    await #expect(throws: WebSocketClosure.self) { try await socket.send("late") }
                    #expect(await socket.offer(.text("late")) == false)
                }
            }
            try await WebSocket.connect(to: url + "/client") { socket in
                await socket.close(.goingAway, reason: "bye")
            }
            await ended.wait()
            #expect(heard.withLock { $0 } == WebSocketClosure(code: .goingAway, reason: "bye"))
        }
    }

    @Test func `messages that came before the close are still read`() async throws {
        let started = Signal(), mayRead = Signal()
        let counted = Locked(0)
        try await withApp { app in
            app.webSocket("/") { _, socket in
                started.send()
                await mayRead.wait()
                for try await _ in socket.messages { counted.withLock { $0 += 1 } }
                started.send()
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(Self.handshake())
            await started.wait()
            raw.send((0..<100).flatMap { _ in Self.frame(0x81, "a") } + Self.frame(0x88, ""))
            await raw.receive { $0.contains("\u{88}") || $0.hasSuffix("\u{0}") }
            mayRead.send()
            await started.wait(for: 2)
            #expect(counted.withLock { $0 } == 100)
            raw.close()
        }
    }

    @Test(arguments: ["reset", "close", "end without a close frame"])
    func `a broken connection ends the handler`(how: String) async throws {
        let started = Signal(), ended = Signal()
        let outcomes = Locked<[String]>([])
        try await withApp { app in
            app.webSocket("/reads") { _, socket in
                started.send()
                do {
                    for try await _ in socket.messages {}
                    outcomes.withLock { $0.append("orderly") }
                } catch { outcomes.withLock { $0.append("\(error)") } }
                ended.send()
            }
            app.webSocket("/waits") { _, _ in
                started.send()
                try? await Task.sleep(for: .seconds(600))
                outcomes.withLock { $0.append("cancelled: \(Task.isCancelled)") }
                ended.send()
            }
        } _: { caller in
            for (number, path) in ["/reads", "/waits"].enumerated() {
                let raw = try await caller.connect()
                raw.send(Self.handshake(path))
                await started.wait(for: number + 1)
                await raw.receive(until: Self.isUpgraded)
                if how == "reset" { raw.reset() } else { raw.close() }
                await ended.wait(for: number + 1)
            }
            #expect(outcomes.withLock { $0 } == ["the connection broke", "cancelled: true"])
        }
    }

    @Test func `a handler that does not read is cancelled when its peer closes`() async throws {
        let started = Signal(), ended = Signal()
        try await withApp { app in
            app.webSocket("/") { _, socket in
                started.send()
                try? await Task.sleep(for: .seconds(600))
                if Task.isCancelled { ended.send() }
            }
        } _: { caller in
            try await WebSocket.connect(to: "ws://\(caller.server.address)/") { _ in _ = await started.wait() }
            await ended.wait()
        }
    }

    @Test func `a peer that gives no sign of life is cut off`() async throws {
        let ended = Signal()
        let outcome = Locked("")
        var settings = WebSocketSettings()
        settings.pingInterval = .milliseconds(50)
        let hasty = settings
        try await withApp { app in
            app.webSocket("/", settings: hasty) { _, socket in
                do { for try await _ in socket.messages {} } catch { outcome.withLock { $0 = "\(error)" } }
                ended.send()
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(Self.handshake())
            await ended.wait()
            #expect(raw.receivedBytes.contains(0x89))
            #expect(outcome.withLock { $0 } == "the connection broke")
            raw.close()
        }
    }

    @Test func `pings keep alive who answers them`() async throws {
        var settings = WebSocketSettings()
        settings.pingInterval = .seconds(2)  // In which a starved machine answers.
        let hasty = settings
        let passed = Signal()
        try await withApp { app in
            app.webSocket("/", settings: hasty) { _, socket in
                try await Task.sleep(for: .seconds(7))  // Some intervals, in which nobody says a word.
                try await socket.send("still here")
                passed.send()
            }
        } _: { caller in
            var settings = WebSocketSettings()
            settings.pingInterval = nil
            try await WebSocket.connect(to: "ws://\(caller.server.address)/", settings: settings) { socket in
                let message = try await socket.receive()
                #expect(message == .text("still here"))
            }
            await passed.wait()
        }
    }

    @Test func `a peer that does not answer a close is cut off`() async throws {
        var settings = WebSocketSettings()
        settings.closeTimeout = .milliseconds(50)
        let hasty = settings
        try await withApp { app in
            app.webSocket("/", settings: hasty) { _, socket in await socket.close() }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(Self.handshake())
            await raw.receive { _ in false }
            #expect(Array(raw.receivedBytes.suffix(4)) == [0x88, 0x02, 0x03, 0xE8])
        }
    }

    @Test func `a server that stops closes with 1001, and lets handlers finish`() async throws {
        let started = Signal()
        let finished = Locked(0)
        let app = App()
        app.loops = 1
        app.webSocket("/") { _, socket in
            started.send()
            for try await _ in socket.messages {}
            finished.withLock { $0 += 1 }
        }
        let server = try await app.start()
        let url = "ws://\(server.address)/"
        let clients = (0..<5).map { _ in
            Task.detached {
                try await WebSocket.connect(to: url) { socket in
                    for try await _ in socket.messages {}
                    return await socket.closure?.code
                }
            }
        }
        await started.wait(for: 5)
        try await server.stop()
        #expect(finished.withLock { $0 } == 5)
        for client in clients { #expect(try await client.value == .goingAway) }
    }

    @Test func `one that is agreed to while the server stops is closed with 1001, too`() async throws {
        let (held, mayGoOn) = (Signal(), Signal())
        let app = App()
        (app.loops, app.drainTimeout) = (1, .seconds(3600))
        app.use { request, next in
            held.send()
            await mayGoOn.wait()
            return await next(request)
        }
        app.webSocket("/", Self.echo)
        let server = try await app.start()
        let address = server.address
        let client = Task.detached {
            try await WebSocket.connect(to: "ws://\(address)/") { socket in
                for try await _ in socket.messages {}
                return await socket.closure?.code
            }
        }
        await held.wait()
        let end = Task { try await server.stop() }
        try await eventually("nobody else gets in") {
            await failure { try await onLoop { loop in try await TCPStream.connected(to: address, on: loop).close() } }
                != nil
        }
        mayGoOn.send()
        #expect(try await client.value == .goingAway)
        try await end.value
    }

    @Test func `a server does not wait for ever for a peer that does not close`() async throws {
        let started = Signal()
        let app = App()
        app.loops = 1
        app.drainTimeout = .milliseconds(100)
        app.webSocket("/") { _, socket in
            started.send()
            try? await Task.sleep(for: .seconds(600))
        }
        let server = try await app.start()
        try await onLoop { loop in
            let stream = try await TCPStream.connected(to: server.address, on: loop)
            defer { stream.close() }
            let request = Array(Self.handshake().utf8)
            stream.write(request.span.bytes)
            await started.wait()
            try await server.stop()
        }
    }

    // MARK: Limits

    @Test func `a message that breaks the rules or a limit closes with the code that says so`() async throws {
        var settings = WebSocketSettings()
        settings.messageBytes = 100
        let small = settings
        let outcomes = Locked<[WebSocketCloseCode]>([])
        let ended = Signal()
        try await withApp { app in
            app.webSocket("/", settings: small) { _, socket in
                do { for try await _ in socket.messages {} } catch {
                    outcomes.withLock { $0.append((error as? WebSocketClosure)?.code ?? .normal) }
                }
                ended.send()
            }
        } _: { caller in
            let rows: [([UInt8], UInt16)] = [
                (Self.frame(0x81, String(repeating: "a", count: 101)), 1009),
                (Self.frame(0xC1, "a"), 1002), (Self.frame(0x83, ""), 1002), ([0x81, 0x00], 1002),
                ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007), (Self.frame(0x80, ""), 1002),
            ]
            for (number, (wire, code)) in rows.enumerated() {
                let raw = try await caller.connect()
                raw.send(Self.handshake())
                await raw.receive(until: Self.isUpgraded)
                raw.send(wire)
                await raw.receive { _ in false }
                await ended.wait(for: number + 1)
                let head = raw.receivedBytes.firstRange(of: Array("\r\n\r\n".utf8))!
                let close = Array(raw.receivedBytes[head.upperBound...])
                #expect(close.prefix(1) == [0x88] && Array(close[2..<4]) == [UInt8(code >> 8), UInt8(code & 0xFF)])
                #expect(outcomes.withLock { $0.last } == WebSocketCloseCode(rawValue: code))
            }
        }
    }

    @Test func `an expanded message is bounded, too`() async throws {
        var settings = WebSocketSettings()
        settings.messageBytes = 100_000
        let small = settings
        try await withApp { app in
            app.webSocket("/", settings: small, Self.echo)
        } _: { caller in
            try await WebSocket.connect(to: "ws://\(caller.server.address)/") { socket in
                let fitting = [UInt8](repeating: 0, count: 100_000)
                try await socket.send(fitting)
                #expect(try await socket.receive() == .binary(fitting))
                try await socket.send([UInt8](repeating: 0, count: 100_001))
                let closure = await #expect(throws: WebSocketClosure.self) { try await socket.receive() }
                #expect(closure?.code == .messageTooBig)
            }
        }
    }

    @Test func `a handler that does not read makes its peer wait, and then gets everything in order`() async throws {
        let mayRead = Signal(), passed = Signal()
        try await withApp { app in
            app.webSocket("/") { _, socket in
                await mayRead.wait()
                var next = 0
                for try await message in socket.messages {
                    guard case .binary(let bytes) = message, bytes.first == UInt8(truncatingIfNeeded: next) else {
                        return await socket.close(.policyViolation)
                    }
                    next += 1
                    if bytes.count == 1 { return try await socket.send("\(next)") }
                }
                passed.send()
            }
        } _: { caller in
            var settings = WebSocketSettings()
            settings.allowsCompression = false
            try await WebSocket.connect(to: "ws://\(caller.server.address)/", settings: settings) { socket in
                var count = 0
                // What the kernel holds is a few MiB; a peer that is not made to wait would take this for ever.
                while count < 2_000 {
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: 100_000)
                    guard await socket.offer(.binary(bytes)) else { break }
                    count += 1
                    await Task.yield()
                }
                #expect(count < 2_000)
                mayRead.send()
                try await socket.send([UInt8(truncatingIfNeeded: count)])
                #expect(try await socket.receive() == .text("\(count + 1)"))
            }
        }
    }

    @Test func `of tiny compressed messages no more are expanded than are wanted`() async throws {
        let started = Signal(), mayRead = Signal()
        let held = Locked(0)
        try await withApp { app in
            app.webSocket("/") { _, socket in
                started.send()
                await mayRead.wait()
                for try await message in socket.messages {
                    if case .binary(let bytes) = message { held.withLock { $0 += bytes.count } }
                }
                started.send()
            }
        } _: { caller in
            try await WebSocket.connect(to: "ws://\(caller.server.address)/") { socket in
                await started.wait()
                let zeros = [UInt8](repeating: 0, count: 1 << 20)
                for _ in 0..<50 { try await socket.send(zeros) }  // 50 KiB on the wire: the kernel takes that.
                mayRead.send()
            }
            await started.wait(for: 2)
            #expect(held.withLock { $0 } == 50 << 20)
        }
    }

    @Test func `a sender waits for a slow peer, until it is cancelled`() async throws {
        let outcome = Locked("")
        let waits = Signal(), ended = Signal()
        try await withApp { app in
            app.webSocket("/") { _, socket in
                let bytes = [UInt8](repeating: 7, count: 100_000)
                var count = 0
                while await socket.offer(.binary(bytes)) {
                    count += 1
                    await Task.yield()
                }
                let sender = Task { try await socket.send(bytes) }
                waits.send()
                sender.cancel()
                do { try await sender.value } catch { outcome.withLock { $0 = "\(error)" } }
                ended.send()
                do { try await socket.send(bytes) } catch { outcome.withLock { $0 += ", \(error)" } }
                ended.send()
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.stopReading()
            raw.send(Self.handshake())
            await waits.wait()
            await ended.wait()
            raw.reset()
            await ended.wait(for: 2)
            #expect(outcome.withLock { $0 } == "CancellationError(), the connection broke")
        }
    }

    @Test func `a reader that is cancelled loses no message`() async throws {
        try await withApp { app in
            app.webSocket("/", Self.echo)
        } _: { caller in
            try await WebSocket.connect(to: "ws://\(caller.server.address)/") { socket in
                let reader = Task { try await socket.receive() }
                reader.cancel()
                await #expect(throws: CancellationError.self) { try await reader.value }
                try await socket.send("kept")
                #expect(try await socket.receive() == .text("kept"))
            }
        }
    }
}
