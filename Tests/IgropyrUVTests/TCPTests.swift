import IgropyrUV
import TestSupport
import Testing

/// Collects what a stream tells, and answers as the test wants.
private final class Recorder: TCPStreamDelegate {
    var bytes: [UInt8] = []
    let ended = Promise<Void>()
    let failed = Promise<UVError>()
    let drained = Promise<Void>()
    var onRead: (RawSpan) -> Void = { _ in }
    var onEnd: () -> Void = {}

    func streamDidRead(_ span: RawSpan) {
        span.withUnsafeBytes { bytes.append(contentsOf: $0) }
        onRead(span)
    }
    func streamDidEnd() {
        ended.fulfil(())
        onEnd()
    }
    func streamDidDrain() { drained.fulfil(()) }
    func streamDidFail(_ error: UVError) { failed.fulfil(error) }
}

@Suite(.timeLimit(.minutes(5))) struct TCPTests {
    @Test(arguments: [1, 4096, 5 << 20]) func `what is written comes back whole from an echo`(count: Int) async throws {
        try await onLoop { loop in
            let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
            try listener.start { stream in
                let echo = Recorder()
                stream.delegate = echo
                echo.onRead = { stream.write($0) }
                stream.startReading()
                echo.onEnd = { stream.closeAfterWriting() }
            }
            let client = try TCPStream(on: loop)
            let recorder = Recorder()
            client.delegate = recorder
            let connected = Promise<UVError?>()
            client.connect(to: listener.localAddress) { connected.fulfil($0) }
            #expect(await connected.wait() == nil)
            let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            client.startReading()
            client.write(sent.span.bytes)
            client.endWriting()
            await recorder.ended.wait()
            #expect(recorder.bytes == sent)
            client.close()
            listener.close()
        }
    }

    @Test func `an end that waits for nothing leaves at once`() async throws {
        let farewell = Array("bye".utf8)
        let received = try await onLoop { loop in
            let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
            let client = try BlockingSocket(to: listener.localAddress)
            let received = Promise<[[UInt8]?]>()
            try listener.start { stream in
                stream.write(farewell.span.bytes)
                stream.endWriting()
                received.fulfil([try? client.receive(), try? client.receive()])  // The loop has no turn in between.
                stream.close()
            }
            let pieces = await received.wait()
            listener.close()
            return pieces
        }
        #expect(received == [farewell, []])
    }

    @Test func `connecting where nobody listens fails with the reason`() async throws {
        let error = try await onLoop { loop in
            let client = try TCPStream(on: loop)
            let connected = Promise<UVError?>()
            client.connect(to: SocketAddress(host: .v4(127, 9, 9, 9), port: 9)) { connected.fulfil($0) }
            let error = await connected.wait()
            client.close()
            return error
        }
        #expect(error?.code == UVError.connectionRefused)
    }

    @Test func `a port that is taken cannot be bound, unless both share it`() async throws {
        try await onLoop { loop in
            let first = try TCPListener(on: loop, binding: .loopback(port: 0))
            #expect(throws: UVError(code: UVError.addressInUse, call: "bind")) {
                try TCPListener(on: loop, binding: first.localAddress)
            }
            let shared = try TCPListener(on: loop, binding: .loopback(port: 0), sharingPort: true)
            let second = try TCPListener(on: loop, binding: shared.localAddress, sharingPort: true)
            for listener in [first, shared, second] { listener.close() }
        }
    }

    @Test func `a storm of connections is taken, and a pause leaves them in the backlog`() async throws {
        try await onLoop { loop in
            let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
            var accepted: [TCPStream] = []
            let all = Promise<Void>()
            try listener.start { stream in
                accepted.append(stream)
                if accepted.count == 200 { all.fulfil(()) }
            }
            listener.pause()
            var clients: [TCPStream] = []
            for _ in 0..<200 {
                let client = try TCPStream(on: loop)
                let connected = Promise<UVError?>()
                client.connect(to: listener.localAddress) { connected.fulfil($0) }
                #expect(await connected.wait() == nil)
                clients.append(client)
            }
            #expect(accepted.isEmpty)
            listener.resume()
            await all.wait()
            for stream in accepted + clients { stream.close() }
            listener.close()
        }
    }

    @Test func `a reset by the peer is told as a failure`() async throws {
        let error = try await onLoop { loop in
            let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
            try listener.start { $0.reset() }
            let client = try TCPStream(on: loop)
            let recorder = Recorder()
            client.delegate = recorder
            client.connect(to: listener.localAddress) { error in
                if let error { return recorder.failed.fulfil(error) }  // Reset before the connection was noticed.
                client.startReading()
            }
            let error = await recorder.failed.wait()
            client.close()
            listener.close()
            return error
        }
        #expect(error.code == UVError.connectionReset)
    }

    @Test func `what is written to a broken connection counts as not taken, and is told as one failure`() async throws {
        try await onLoop { loop in
            let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
            let accepted = Promise<Void>()
            nonisolated(unsafe) var server: TCPStream?  // Of this loop.
            try listener.start { stream in
                server = stream
                accepted.fulfil(())
            }
            let client = try TCPStream(on: loop)
            client.connect(to: listener.localAddress) { _ in }
            await accepted.wait()
            let stream = try #require(server)
            let recorder = Recorder()
            stream.delegate = recorder
            client.reset()
            await loop.waitForNextTurn()  // It is closed by then.
            let piece: [UInt8] = [1, 2, 3]
            var written = 0
            while stream.queuedBytes == 0, written < 1000 {  // The kernel may take some before it hears of the reset.
                stream.write(piece.span.bytes)
                written += 1
            }
            #expect(stream.queuedBytes == 3)
            for _ in 0..<10 { stream.write(piece.span.bytes) }
            #expect(stream.queuedBytes == 33)
            let error = await recorder.failed.wait()
            #expect([UVError.connectionReset, UVError.brokenPipe].contains(error.code))
            stream.closeAfterWriting()
            await loop.waitForNextTurn()
            #expect(stream.queuedBytes == 0)
            listener.close()
        }
    }
}

private let texts: [(text: String, host: String?, port: UInt16)] = [
    ("10.0.0.1:80", "10.0.0.1", 80), ("10.0.0.1", "10.0.0.1", 7946), ("[::1]:80", "::1", 80), ("::1", "::1", 7946),
    ("db.example.org:1", "db.example.org", 1), ("db", "db", 7946), ("db:", nil, 0), ("db:+1", nil, 0),
    ("db:65536", nil, 0), ("[::1", nil, 0), ("[::1]80", nil, 0), ("", nil, 0), ("a b", nil, 0),
    ("fe80::1%eth0", "fe80::1%eth0", 7946), ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ("8080", nil, 0), ("80:80", nil, 0), ("10.1:80", nil, 0), ("10.0.0.256", nil, 0), ("db.1:80", nil, 0),
    ("db1", "db1", 7946),
    ("db:1:2", nil, 0), ("10.0.0.1:80:90", nil, 0), ("::::", nil, 0), ("[db:1]:2", nil, 0),
]

@Test(arguments: texts) func `an endpoint is read as people type it`(text: String, host: String?, port: UInt16) {
    let endpoint = Endpoint(parsing: text, defaultPort: 7946)
    #expect(endpoint == host.map { Endpoint(host: $0, port: port) })
}

@Test(arguments: ["10.0.0.1", "127.0.0.1", "::1", "fe80::1:2", "2001:db8::ff"])
func `an address is printed as it is read`(text: String) {
    #expect(SocketAddress(text, port: 1)?.hostText == text)
}
