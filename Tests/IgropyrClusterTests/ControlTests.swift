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

    @Test func `takes a bundle once and gives it back`() async throws {
        let (path, summary) = try SampleWorker.bundle(in: folder)
        let copy = folder("copy.tar")
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let client = try ControlClient(on: loop, key: key)
            let progress = Locked<[Int64]>([])
            let isSent = try await client.upload(summary.digest, from: path, to: node.control) { sent, total in
                progress.withLock { $0 += [sent, total] }
            }
            #expect(isSent)
            #expect(progress.withLock { $0.suffix(2) } == [summary.archiveBytes, summary.archiveBytes])
            #expect(try await !client.upload(summary.digest, from: path, to: node.control))
            try await client.download(summary.digest, from: node.control, to: copy, limitBytes: 1 << 20)
            #expect(try AtomicFile.read(copy, limitBytes: 1 << 20) == AtomicFile.read(path, limitBytes: 1 << 20))
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `streams a large bundle both ways`() async throws {
        try folder.write(String(repeating: "large", count: 4 << 20), to: "site/index.html")
        let path = folder("site.tar")
        let summary = try BundleArchive.create(from: folder("site"), to: path)
        let copy = folder("copy.tar")
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let client = try ControlClient(on: loop, key: key)
            #expect(try await client.upload(summary.digest, from: path, to: node.control))
            try await client.download(summary.digest, from: node.control, to: copy, limitBytes: 1 << 30)
            #expect(try ArchiveDigest.ofFile(at: copy, synchronizing: false) == summary.digest)
            let small = await #expect(throws: ControlError.self) {
                try await client.download(summary.digest, from: node.control, to: copy + "2", limitBytes: 1 << 20)
            }
            #expect(small?.description.contains("more than 1048576 bytes") == true)
            #expect(!FileSystem.exists(copy + "2"))
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `refuses bundles that are not what they should be, and keeps nothing of them`() async throws {
        let (path, _) = try SampleWorker.bundle(in: folder)
        let other = BundleDigest(rawValue: String(repeating: "07", count: 32))!
        try folder.write("no archive at all", to: "broken.tar")
        let broken = try ArchiveDigest.ofFile(at: folder("broken.tar"), synchronizing: false)
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try ControlClient(on: loop, key: nil)
            let mismatch = await #expect(throws: ControlError.self) {
                try await client.upload(other, from: path, to: node.control)
            }
            #expect(mismatch?.code == .refused(status: 409))
            let damaged = await #expect(throws: ControlError.self) {
                try await client.upload(broken, from: folder("broken.tar"), to: node.control)
            }
            #expect(damaged?.code == .refused(status: 422))
            #expect(try node.folder.names("data/bundles") == ["boot"])
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
            #expect(try await client.upload(summary.digest, from: path, to: node.control))
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

    private static let requests: [(request: HTTPClient.Request, status: Int)] = [
        (.init(.get, "/"), 404), (.init(.get, "/v2/status"), 404), (.init(.put, "/v1/status"), 405),
        (.init(.get, "/v1/bundles/abc"), 404), (.init(.post, "/v1/state", body: Array("{}".utf8)), 400),
        (.init(.post, "/v1/applications", body: Array("{\"version\": 2}".utf8)), 400),
        (.init(.post, "/v1/applications", body: Array("\u{0}".utf8)), 400),
        (.init(.post, "/v1/applications", body: [UInt8](repeating: 32, count: 2 << 20)), 413),
        (.init(.delete, "/v1/applications/No%20Name"), 404), (.init(.get, "/v1/status"), 200),
        (.init(.get, "/v1/state"), 200),
    ]

    @Test func `answers everything in JSON, with its version`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let client = try HTTPClient(on: loop)
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
