internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// A request whose body is one message, collected up to a limit and then answered.
final class MessageExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private let limitBytes: Int
    private let answer: ([UInt8]) async -> ControlReply
    private var body: [UInt8] = []
    private var isRefused = false

    init(limitBytes: Int, on connection: any HTTPServerStream, answer: @escaping ([UInt8]) async -> ControlReply) {
        self.limitBytes = limitBytes
        self.connection = connection
        self.answer = answer
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        guard !isRefused else { return }
        guard body.count + bytes.byteCount <= limitBytes else {
            isRefused = true
            return ControlReply.refusal(413, "the request's body has more than \(limitBytes) bytes")
                .send(on: connection)
        }
        body += bytes.array(in: 0..<bytes.byteCount)
    }

    func requestDidEnd() {
        guard !isRefused else { return }
        let (connection, answer, body) = (connection, answer, body)
        connection.loop.startLocally { await answer(body).send(on: connection) }
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}

/// A bundle on its way to a peer.
final class BundleSending: HTTPServerExchange {
    private static let pieceBytes = 256 << 10

    private let connection: any HTTPServerStream
    private let digest: BundleDigest
    private let store: BundleStore
    private var file: SharedFile?
    private var isReading = false
    private var isOver = false

    init(_ digest: BundleDigest, from store: BundleStore, on connection: any HTTPServerStream) {
        self.digest = digest
        self.store = store
        self.connection = connection
    }

    func requestBodyDidArrive(_: RawSpan) {}
    func requestDidEnd() { begin() }
    func responseDidDrain() { sendOn() }
    func clientDidAbort() { isOver = true }

    private func begin() {
        let (connection, store, digest) = (connection, store, digest)
        connection.loop.startLocally { [self] in
            let opened: (SharedFile, Int64)? = await connection.loop.offload {
                guard let path = try? store.path(digest), let file = try? SharedFile(OpenFile(path, .read)),
                    let count = try? file.file.status().byteCount
                else { return nil }
                return (file, count)
            }
            guard !isOver else { return }
            guard let (file, count) = opened else {
                isOver = true
                return ControlReply.refusal(404, "this host does not hold the bundle \(digest)").send(on: connection)
            }
            self.file = file
            beginResponse(byteCount: count)
        }
    }

    private func beginResponse(byteCount: Int64) {
        do throws(HTTPSerializer.Failure) {
            try connection.beginResponse(status: 200, framing: .length(UInt64(byteCount)))
            try connection.appendField("Content-Type", "application/x-tar")
            try connection.appendField(ControlAPI.versionField, "\(ControlAPI.version)")
            connection.endHead()
        } catch { connection.abort() }
        sendOn()
    }

    /// One piece after the other, as the peer takes them.
    private func sendOn() {
        guard let file, !isReading, !isOver, connection.sendsBody, connection.canWrite else { return }
        isReading = true
        let connection = connection
        connection.loop.startLocally { [self] in
            let piece = await connection.loop.offload { try? file.file.read(upTo: Self.pieceBytes) }
            isReading = false
            guard !isOver else { return }
            guard let piece, !piece.isEmpty else {
                isOver = true
                return connection.abort()  // Shorter than it was, or unreadable: the peer must see it.
            }
            unsafe connection.sendBody(piece.span.bytes)
            sendOn()
        }
    }
}

/// A bundle on its way from a client.
final class BundleReceiving: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private let digest: BundleDigest
    private let sink: FileSink
    private let agent: HostAgent
    private var isOver = false

    init(_ digest: BundleDigest, into sink: FileSink, on connection: any HTTPServerStream, agent: HostAgent) {
        self.digest = digest
        self.sink = sink
        self.connection = connection
        self.agent = agent
        sink.onPause = { [weak connection] in connection?.pauseBody() }
        sink.onResume = { [weak connection] in connection?.resumeBody() }
    }

    func requestBodyDidArrive(_ bytes: RawSpan) { sink.append(bytes) }

    func requestDidEnd() {
        let (connection, agent, digest, path) = (connection, agent, digest, sink.path)
        sink.finish { failure in
            connection.loop.startLocally {
                let reply = await agent.takeBundle(digest, at: path, failure)
                reply.send(on: connection)
            }
        }
    }

    func responseDidDrain() {}

    func clientDidAbort() {
        let (loop, path) = (connection.loop, sink.path)
        sink.finish { _ in
            loop.startLocally { try? await loop.offload { () throws(FileError) in try FileSystem.removeTree(path) } }
        }
    }
}
