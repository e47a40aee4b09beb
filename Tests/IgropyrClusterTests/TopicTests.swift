import IgropyrHTTP
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import Igropyr
@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `Workers talk to each other` {
    let folder: TemporaryFolder
    let bundle: (path: String, summary: BundleArchive.Summary)
    let key = ClusterKey(bytes: [UInt8](1...32))!

    init() throws {
        folder = try TemporaryFolder()
        bundle = try SampleWorker.bundle(in: folder)
    }

    /// Two nodes, each with a worker that serves.
    private func withCluster(
        _ body: @escaping @Sendable (SampleNode, SampleNode, HTTPRequester) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: key)
            let client = try HTTPRequester(on: loop)
            let first = try await SampleNode("a", on: loop, key: key)
            let second = try await SampleNode("b", on: loop, joining: first, key: key)
            _ = try await control.upload(bundle.summary.index, from: bundle.path, to: first.control)
            _ = try await control.deploy(.shop, SampleWorker.spec(bundle.summary), at: first.control)
            for node in [first, second] { #expect(await eventually { await node.readyWorkers().count == 1 }) }
            try await body(first, second, client)
            client.close()
            await control.close()
            await first.agent.stop()
            await second.agent.stop()
        }
    }

    @Test func `on all hosts, each message once, whatever language it is said in`() async throws {
        try await withCluster { first, second, client in
            let (here, there) = (try await first.topics(), try await second.topics())
            var heardHere = await here.messages(of: "news").makeAsyncIterator()
            var heardThere = await there.messages(of: "news").makeAsyncIterator()
            // Both nodes know of each other's workers by then, or hear of it within the time.
            #expect(await eventually { await first.agent.isLinked })
            #expect(await eventually { await second.agent.isLinked })
            for (talking, texts) in [(here, ["1", "2"]), (there, ["3 \u{1F600} \"\n", ""])] {
                try await Task.detached { for text in texts { try await talking.publish(text, to: "news") } }.value
                for text in texts {
                    #expect(await heardThere.next()?.text == text)
                    #expect(await heardHere.next()?.text == text)
                }
            }
            _ = try await second.answer(over: client, path: "/publish")
            #expect(await heardHere.next()?.text == "b has news")
            #expect(await heardThere.next()?.text == "b has news")
        }
    }

    @Test func `again when a node was away, and know that they may have missed something`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let (talking, listening) = (try await node.topics(), try await node.topics())
            var heard = await listening.messages(of: "news").makeAsyncIterator()
            try await Task.detached { try await talking.publish("before", to: "news") }.value
            #expect(await heard.next() == TopicMessage(topic: "news", text: "before", followsGap: false))
            await node.agent.stop()
            await #expect(throws: TopicFailure.self) {
                try await Task.detached { try await talking.publish("lost", to: "news") }.value
            }
            // At the address that workers of the one before know.
            let again = try await SampleNode("a", on: loop, key: key, folder: node.folder)
            let more = Locked(0)
            let said = Task.detached {
                while !Task.isCancelled {
                    try await talking.publish("after \(more.withLock { $0 += 1; return $0 })", to: "news")
                    try? await Task.sleep(for: .milliseconds(10))
                }
            }
            let next = await heard.next()
            #expect(next?.text.hasPrefix("after") == true && next?.followsGap == true, "\(String(describing: next))")
            said.cancel()
            try await said.value
            await again.agent.stop()
        }
    }

    @Test func `at an address that nobody else has`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let client = try HTTPRequester(on: loop)
            let address = try #require(await node.agent.topicAddress)
            let port = address.port
            let path = String(address.url(for: .shop).dropFirst("http://127.0.0.1:\(port)".count))
            let send = { (method: String, path: String, body: String) in
                let method: IgropyrHTTP.HTTPMethod = method == "GET" ? .get : .post
                return try await client.send(
                    .init(method, path, body: Array(body.utf8)), to: .loopback(port: port)
                ).status
            }
            #expect(try await send("POST", path, #"{"topic":"news","text":""}"#) == 200)
            #expect(try await send("POST", String(path.dropLast()) + "x", #"{"topic":"news","text":"1"}"#) == 404)
            let other = path.replacing("/shop/", with: "/other/")
            #expect(try await send("POST", other, #"{"topic":"news","text":"1"}"#) == 404)
            #expect(try await send("GET", other, "") == 404)
            #expect(try await send("POST", "/", "") == 404)
            let long = String(repeating: "x", count: TopicMessage.textBytes + 1)
            for body in [
                "", "news", #"{"gap":true}"#, #"{"topic":"","text":"1"}"#, #"{"topic":"a\nb","text":"1"}"#,
                #"{"topic":"news","text":"\#(long)"}"#,
            ] {
                #expect(try await send("POST", path, body) == 422, "\(body.prefix(40))")
            }
            #expect(
                try await send("POST", path, String(repeating: " ", count: TopicLine.limitBytes + 1)) == 413)
            client.close()
            await node.agent.stop()
        }
    }
}

extension SampleNode {
    /// As a worker of the shop on this host has them.
    fileprivate func topics() async throws -> Topics {
        Topics(at: try #require(await agent.topicAddress).url(for: .shop))
    }
}

extension HostAgent {
    fileprivate var topicAddress: TopicAddress? { parts?.topics.address }

    /// Whether it hears what workers on another host say.
    fileprivate var isLinked: Bool { get async { await parts?.topics.hub.openLinks.isEmpty == false } }
}
