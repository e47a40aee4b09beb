import Glibc
import IgropyrBundles
import IgropyrHTTP
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `The control API` {
    let folder: TemporaryFolder
    let key = ClusterKey(bytes: [UInt8](1...32))!

    init() throws { folder = try TemporaryFolder() }

    @Test func `takes of a bundle what it lacks, and gives it back chunk by chunk`() async throws {
        try folder.write(String(repeating: "large", count: 1 << 20), to: "site/a")
        let first = try BundleArchive.create(from: folder("site"), to: folder("first.tar"))
        try folder.write("a change", to: "site/b")
        let second = try BundleArchive.create(from: folder("site"), to: folder("second.tar"))
        let archive = try AtomicFile.read(folder("second.tar"), limitBytes: 1 << 30)
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let client = try ControlClient(on: loop, key: key)
            let progress = Locked<[Int64]>([])
            let sent = try await client.upload(first.index, from: folder("first.tar"), to: node.control) {
                done, total in
                progress.withLock { $0 += [done, total] }
            }
            let distinct = first.index.distinctChunks.reduce(0) { $0 + Int64($1.byteCount) }
            #expect(sent == distinct && progress.withLock { $0.suffix(2) } == [distinct, distinct])
            #expect(try await client.upload(first.index, from: folder("first.tar"), to: node.control) == 0)
            let change = try await client.upload(second.index, from: folder("second.tar"), to: node.control)
            #expect(0 < change && change <= 2 * Int64(ContentChunker.maximumBytes), "\(change) of \(archive.count)")

            #expect(try await client.index(of: second.digest, at: node.control) == second.index)
            #expect(try await client.holdings(of: second.index, at: node.control)?.isFull == true)
            var copy: [UInt8] = []
            for chunk in second.index.chunks {
                copy += try #require(try await client.chunk(chunk.digest, of: second.digest, at: node.control))
            }
            #expect(copy == archive)
            let none = try BundleIndex(chunks: [.init(digest: ChunkDigest(of: []), byteCount: 1)])
            #expect(try await client.index(of: none.digest, at: node.control) == nil)
            #expect(try await client.holdings(of: none, at: node.control) == nil)
            #expect(try await client.chunk(ChunkDigest(of: [0]), of: second.digest, at: node.control) == nil)
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `an upload that was cut off goes on where it was`() async throws {
        var random = SystemRandomNumberGenerator()
        let noise = (0..<(1 << 17)).flatMap { _ in String(random.next(), radix: 36).utf8 }
        try folder.write(String(decoding: noise, as: UTF8.self), to: "site/a")
        let summary = try BundleArchive.create(from: folder("site"), to: folder("site.tar"))
        try #require(summary.index.distinctChunks.count > 10)
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try ControlClient(on: loop, key: nil)
            let cut = folder("site.tar")
            let task = Locked<Task<Int64, any Error>?>(nil)
            task.withLock {
                $0 = Task(executorPreference: loop) {
                    try await client.upload(summary.index, from: cut, to: node.control) { sent, total in
                        if sent * 3 > total { task.withLock { $0?.cancel() } }
                    }
                }
            }
            await #expect(throws: (any Error).self) { try await task.withLock(\.self)?.value }
            await node.agent.stop()
            // Its uploads are forgotten, its chunks are not.
            let again = try await SampleNode("a", on: loop, folder: node.folder)
            let rest = try await client.upload(summary.index, from: cut, to: again.control)
            #expect(0 < rest && rest < summary.archiveBytes * 3 / 4, "\(rest) of \(summary.archiveBytes)")
            await client.close()
            await again.agent.stop()
        }
    }

    @Test func `refuses bundles that are not what they should be, and keeps nothing of them`() async throws {
        let noArchive = Array("no archive at all".utf8)
        let chunk = BundleIndex.Chunk(digest: ChunkDigest(of: noArchive), byteCount: noArchive.count)
        let broken = try BundleIndex(chunks: [chunk])
        try folder.write("no archive at all", to: "broken.tar")
        let other = String(repeating: "07", count: 32)
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try ControlClient(on: loop, key: nil)
            let damaged = await #expect(throws: ControlError.self) {
                try await client.upload(broken, from: folder("broken.tar"), to: node.control)
            }
            #expect(damaged?.code == .refused(status: 422))
            try await eventually("nothing of it stays") {
                try node.folder.names("data/bundles") == ["boot", "chunks"]
                    && node.folder.names("data/bundles/chunks").isEmpty
            }

            let http = try HTTPRequester(on: loop)
            let offer = HTTPRequester.Request(.put, "/v1/bundles/\(broken.digest)", body: broken.bytes)
            #expect(try await http.send(offer, to: node.control).status == 202)
            let rows: [(HTTPRequester.Request, Int)] = [
                (.init(.put, "/v1/bundles/\(other)", body: broken.bytes), 409),
                (.init(.put, "/v1/bundles/\(other)", body: noArchive), 422),
                (.init(.put, "/v1/bundles/\(broken.digest)/chunks/\(chunk.digest)", body: Array("lies".utf8)), 409),
                (.init(.put, "/v1/bundles/\(broken.digest)/chunks/\(other)", body: noArchive), 409),
                (.init(.put, "/v1/bundles/\(other)/chunks/\(chunk.digest)", body: noArchive), 409),
                (
                    .init(
                        .put, "/v1/bundles/\(broken.digest)/chunks/\(other)", body: Array(repeating: 1, count: 1 << 19)),
                    413
                ),
                (.init(.put, "/v1/bundles/\(broken.digest)/chunks/abc", body: noArchive), 404),
                (.init(.get, "/v1/bundles/\(broken.digest)/chunks/\(other)"), 404),
            ]
            for (request, status) in rows {
                #expect(try await http.send(request, to: node.control).status == status, "\(request.target)")
            }
            try await eventually("no chunk stays") { try node.folder.names("data/bundles/chunks").isEmpty }
            http.close()
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `refuses deployments that cannot run, each with what to do`() async throws {
        let (path, summary) = try SampleWorker.bundle(in: folder)
        let spec = SampleWorker.spec(summary, scale: .perHost(0))
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try ControlClient(on: loop, key: nil)
            func refusal(_ name: String, _ spec: DeploymentSpec) async -> ControlError? {
                await #expect(throws: ControlError.self) {
                    try await client.deploy(ApplicationName(name), spec, at: node.control)
                }
            }
            #expect(await refusal("shop", spec)?.description.contains("upload it") == true)
            #expect(try await client.upload(summary.index, from: path, to: node.control) > 0)
            _ = try await client.deploy(.shop, spec, at: node.control)
            let taken = await refusal("other", spec)
            #expect(taken?.code == .refused(status: 409) && taken?.description.contains("--path") == true)
            var wrong = spec
            wrong.kind = .executable(entry: "nothing")
            #expect(await refusal("shop", wrong)?.code == .refused(status: 422))
            wrong = spec
            wrong.environment["A=B"] = ""
            #expect(await refusal("shop", wrong)?.code == .refused(status: 422))
            let unknown = await #expect(throws: ControlError.self) {
                try await client.remove(ApplicationName("shoo"), at: node.control)
            }
            #expect(unknown?.code == .refused(status: 404))
            #expect(unknown?.description.contains("deployed are: shop") == true)
            #expect(try await client.applications(of: node.control).map(\.name) == [.shop])
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `a key that does not fit, or that only one side has, is told as such`() async throws {
        let other = ClusterKey(bytes: [UInt8](2...33))!
        try await onLoop { loop in
            let closed = try await SampleNode("a", on: loop, key: key)
            let open = try await SampleNode("b", on: loop)
            for (node, key) in [(closed, other), (closed, nil), (open, key)] {
                let client = try ControlClient(on: loop, key: key)
                let error = await #expect(throws: ControlError.self) { try await client.status(of: node.control) }
                #expect(error?.code == .wrongKey)
                #expect(error?.description.contains("--key-file") == true)
                await client.close()
            }
            let nobody = SocketAddress(host: freshAddress().host, port: 7947)
            let client = try ControlClient(on: loop, key: key)
            let error = await #expect(throws: ControlError.self) { try await client.status(of: nobody) }
            #expect(error?.code == .unreachable && error?.description.contains("igropyr node") == true)
            await client.close()
            await closed.agent.stop()
            await open.agent.stop()
        }
    }

    @Test func `a client goes on by the key that the cluster has changed to, if it can be told`() async throws {
        let old = ClusterKey(bytes: [UInt8](2...33))!
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let (asked, key) = (Locked(0), key)
            let client = try ControlClient(on: loop, key: old) {
                asked.withLock { $0 += 1 }
                return key
            }
            for _ in 1...2 { #expect(try await client.status(of: node.control).host.rawValue == "a") }
            #expect(asked.withLock { $0 } == 1)
            await client.close()
            let deaf = try ControlClient(on: loop, key: old) { old }
            let error = await #expect(throws: ControlError.self) { try await deaf.status(of: node.control) }
            #expect(error?.code == .wrongKey)
            await deaf.close()
            await node.agent.stop()
        }
    }

    private static let requests: [(request: HTTPRequester.Request, status: Int)] = [
        (.init(.get, "/"), 404), (.init(.get, "/v2/status"), 404), (.init(.put, "/v1/status"), 405),
        (.init(.get, "/v1/bundles/abc"), 404), (.init(.post, "/v1/state", body: Array("{}".utf8)), 400),
        (.init(.post, "/v1/applications", body: Array("{\"version\": 2}".utf8)), 400),
        (.init(.post, "/v1/applications", body: Array("\u{0}".utf8)), 400),
        (.init(.post, "/v1/applications", body: [UInt8](repeating: 32, count: 2 << 20)), 413),
        (.init(.delete, "/v1/applications/No%20Name"), 404), (.init(.get, "/v1/status"), 200),
        (.init(.get, "/v1/state"), 200),
        (.init(.get, "/v1/status", fields: [("igropyr-control", "1")]), 200),
        (.init(.get, "/v1/status", fields: [("Igropyr-Control", "2")]), 400),
    ]

    @Test func `answers everything in JSON, with its version`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try HTTPRequester(on: loop)
            for (request, status) in Self.requests {
                let answer = try await client.send(request, to: node.control)
                #expect(answer.status == status, "\(request.method) \(request.target)")
                #expect(answer.field("Content-Type") == "application/json")
                #expect(answer.field("Igropyr-Control") == "1")
                #expect(answer.body.first == UInt8(ascii: "{"))
            }
            client.close()
            await node.agent.stop()
        }
    }

    private static let callers: [(host: String?, field: (name: String, value: String)?, status: Int)] = [
        (nil, nil, 200),
        ("localhost:7947", nil, 200),
        ("[::1]:7947", nil, 200),
        ("127.0.0.1:7947", ("User-Agent", "curl"), 200),
        (nil, ("Origin", "http://page.example"), 403),
        (nil, ("Origin", "null"), 403),
        (nil, ("Sec-Fetch-Site", "cross-site"), 403),
        ("page.example:7947", nil, 403),  // A name that has come to lead here.
        ("localhost.page.example", nil, 403),
    ]

    @Test(arguments: callers) func `a web page gets nothing from a node without a key`(
        row: (host: String?, field: (name: String, value: String)?, status: Int)
    ) async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try HTTPRequester(on: loop)
            var request = HTTPRequester.Request(.get, "/v1/status")
            request.host = row.host
            if let field = row.field { request.fields = [field] }
            #expect(try await client.send(request, to: node.control).status == row.status)
            client.close()
            await node.agent.stop()
        }
    }

    @Test(arguments: [true, false])
    func `random bytes end in a closed connection`(isEncrypted: Bool) async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: isEncrypted ? key : nil)
            for _ in 0..<20 {
                let noise = Noise(try TCPStream(on: loop), to: node.control)
                #expect(await eventually { noise.isEnded })
            }
            let client = try ControlClient(on: loop, key: isEncrypted ? key : nil)
            #expect(try await client.status(of: node.control).host.rawValue == "a")
            #expect(await node.agent.refusedConnections >= 20)
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `a stranger with many connections leaves room for others`() async throws {
        raiseFileLimit()
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let address = node.control
            let stranger = freshAddress()
            let sockets = try await loop.offload { () throws(BlockingSocket.Failure) in
                var sockets: [BlockingSocket] = []
                while sockets.count < 1100 { sockets.append(try BlockingSocket(from: stranger, to: address)) }
                return sockets
            }
            let client = try ControlClient(on: loop, key: key)
            #expect(try await client.status(of: node.control).host.rawValue == "a")
            #expect(await node.agent.refusedConnections >= 500)
            withExtendedLifetime(sockets) {}
            await client.close()
            await node.agent.stop()
        }
    }
}

/// Two thousand descriptors are more than many a shell lets a program have at once.
private func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 8192))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Sends noise and waits for the end.
private final class Noise: TCPStreamDelegate {
    private(set) var isEnded = false
    private let stream: TCPStream

    init(_ stream: TCPStream, to address: SocketAddress) {
        self.stream = stream
        stream.delegate = self
        stream.connect(to: address) { error in
            guard error == nil else { return self.end() }
            let bytes = (0..<600).map { _ in UInt8.random(in: .min ... .max) } + [13, 10, 13, 10]
            stream.write(bytes.span.bytes)
            stream.endWriting()
            stream.startReading()
        }
    }

    private func end() {
        isEnded = true
        stream.close()
    }

    func streamDidRead(_: RawSpan) {}
    func streamDidEnd() { end() }
    func streamDidDrain() {}
    func streamDidFail(_: UVError) { end() }
}
