import IgropyrHTTP
import IgropyrOrchestration
import IgropyrText
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
        says: String = "hello",
        _ body: @escaping @Sendable (SampleNode, SampleNode, HTTPRequester) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: key)
            let client = try HTTPRequester(on: loop)
            let first = try await SampleNode("a", on: loop, key: key)
            let second = try await SampleNode("b", on: loop, joining: first, key: key)
            _ = try await control.upload(bundle.summary.index, from: bundle.path, to: first.control)
            _ = try await control.deploy(.shop, SampleWorker.spec(bundle.summary, says: says), at: first.control)
            for node in [first, second] { try await node.hasReady(1) }
            try await body(first, second, client)
            client.close()
            await control.close()
            await first.agent.stop()
            await second.agent.stop()
        }
    }

    /// Says it again and again until it is cancelled.
    private func talking(_ text: String, by topics: Topics) -> Task<Void, Never> {
        Task.detached {
            while !Task.isCancelled {
                try? await topics.publish(text, to: "news")
                try? await Task.sleep(for: .milliseconds(10))
            }
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
            try await Task.detached {
                try await here.publish("1", to: "news")
                try await here.publish("2", to: "news")
                try await there.publish("3 \u{1F600} \"\n", to: "news")
            }.value
            // What a worker says itself it hears at once.
            var (wordsHere, wordsThere): ([String], [String]) = ([], [])
            for _ in 1...3 {
                wordsHere.append(try #require(await heardHere.next()).text)
                wordsThere.append(try #require(await heardThere.next()).text)
            }
            #expect(wordsHere == ["1", "2", "3 \u{1F600} \"\n"])
            #expect(wordsThere.filter { $0.count == 1 } == ["1", "2"] && Set(wordsThere) == Set(wordsHere))
            _ = try await second.answer(over: client, path: "/publish")
            #expect(await heardHere.next()?.text == "b has news")
            #expect(await heardThere.next()?.text == "b has news")
        }
    }

    @Test func `until they have ended, also on a host that leaves`() async throws {
        try await withCluster(says: "farewell") { first, second, _ in
            let here = try await first.topics()
            var heard = await here.messages(of: "news").makeAsyncIterator()
            #expect(await eventually { await first.agent.isLinked })
            async let stopped: Void = second.agent.stop()
            #expect(await heard.next()?.text == "b ends")
            await stopped
            #expect(await eventually { await !first.agent.isLinked })
        }
    }

    @Test func `and know that they may have missed what was said on a host before it was heard again`() async throws {
        try await withCluster { first, second, _ in
            let here = try await first.topics()
            var heard = await here.messages(of: "news").makeAsyncIterator()
            #expect(await eventually { await first.agent.isLinked })
            await second.agent.stop()
            #expect(await eventually { await !first.agent.isLinked })
            var isWarned = false  // Of what it may have said before it went.
            while !isWarned {
                try await Task.detached { try await here.publish("alone", to: "news") }.value
                isWarned = try #require(await heard.next()).followsGap
            }
            let again = try await SampleNode("b", on: first.agent.loop, joining: first, key: key, folder: second.folder)
            let saying = talking("back", by: try await again.topics())
            #expect(await heard.next() == TopicMessage(topic: "news", text: "back", followsGap: true))
            saying.cancel()
            await saying.value
            await again.agent.stop()
        }
    }

    @Test func `and miss nothing while a node's program is replaced, nor hear anything twice`() async throws {
        try await withCluster { first, second, _ in
            let (here, there) = (try await first.topics(), try await second.topics())
            let heardHere = await here.messages(of: "news")
            let heardThere = await there.messages(of: "news")
            #expect(await eventually { await first.agent.isLinked })
            #expect(await eventually { await second.agent.isLinked })
            let count = 300
            let talkers = [("a", here), ("b", there)].map { name, topics in
                Task.detached {
                    for number in 1...count { try await topics.publish("\(name) \(number)", to: "news") }
                }
            }
            let listeners = [heardHere, heardThere].map { messages in
                Task.detached {
                    var heard: [Igropyr.TopicMessage] = []
                    for await message in messages {
                        heard.append(message)
                        if heard.count == 2 * count { break }
                    }
                    return heard
                }
            }
            let next = try #require(try await second.replaced(on: first.agent.loop, joining: first, key: key))
            for talker in talkers { try await talker.value }
            for listener in listeners {
                let heard = await listener.value
                let gaps = heard.count(where: \.followsGap)
                #expect(gaps == 0)
                for name in ["a", "b"] {
                    let said = heard.map(\.text).filter { $0.hasPrefix(name) }
                    let expected = (1...count).map { "\(name) \($0)" }
                    #expect(said == expected)
                }
            }
            await next.agent.stop()
            await second.agent.discard()
        }
    }

    @Test func `again when a node has died, and know that they may have missed something`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let (talking, listening) = (try await node.topics(), try await node.topics())
            var heard = await listening.messages(of: "news").makeAsyncIterator()
            try await Task.detached { try await talking.publish("before", to: "news") }.value
            #expect(await heard.next() == TopicMessage(topic: "news", text: "before", followsGap: false))
            var handover = try #require(try await node.agent.leaveToSuccessor())
            await node.agent.releaseFolder()
            // What a keeper holds is all that is left.
            handover.descriptors = handover.descriptors.filter { $0.key == "topics" }
            let again = try await SampleNode("a", on: loop, key: key, folder: node.folder, after: handover)
            try await Task.detached { try await talking.publish("after", to: "news") }.value
            #expect(await heard.next() == TopicMessage(topic: "news", text: "after", followsGap: true))
            await again.agent.stop()
            await node.agent.discard()
        }
    }

    @Test func `under another secret once no worker is left that knows the old one`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let old = try #require(await node.agent.topicAddress).url(for: .shop)
            await node.agent.stop()
            let again = try await SampleNode("a", on: loop, key: key, folder: node.folder)
            let address = try #require(await again.agent.topicAddress)
            #expect(!address.admits(String(old.split(separator: "/").last ?? ""), to: .shop))
            await again.agent.stop()
        }
    }

    @Test func `and nobody is told yes for what nobody hears`() async throws {
        try await onLoop { loop in
            let client = try ControlClient(on: loop, key: nil)
            let hub = TopicHub(client: client, logger: KeptLog().logger, on: loop)
            let message = try #require(TopicMessage(topic: "news", text: "1"))
            #expect(await hub.publish(message, of: .shop, by: nil) == .taken)
            await hub.stop()
            #expect(await hub.publish(message, of: .shop, by: nil) == .nobodyHears)
            let mayListen = await hub.listen(to: .shop, as: .worker(name: nil)) != nil
            #expect(!mayListen)
        }
    }

    @Test func `and are refused beyond 256 that listen, those of other applications are not`() async throws {
        try await onLoop { loop in
            let client = try ControlClient(on: loop, key: nil)
            let hub = TopicHub(client: client, logger: KeptLog().logger, on: loop)
            let other = try #require(ApplicationName(rawValue: "other"))
            var lines: [TopicLines] = []
            for _ in 1...TopicHub.listenerLimit {
                lines.append(try #require(await hub.listen(to: .shop, as: .worker(name: nil))).rest)
            }
            let mayListen = [
                await hub.listen(to: .shop, as: .node) != nil,
                await hub.listen(to: other, as: .worker(name: nil)) != nil,
            ]
            #expect(mayListen == [false, true])
            lines.removeLast()
            #expect(await eventually { await hub.listen(to: .shop, as: .node) != nil })
            // Nobody hears another application.
            let message = try #require(TopicMessage(topic: "news", text: "1"))
            _ = await hub.publish(message, of: other, by: nil)
            _ = await hub.publish(try #require(TopicMessage(topic: "news", text: "2")), of: .shop, by: nil)
            let first = try #require(await lines[0].makeAsyncIterator().next())
            let line = try JSON.decode(TopicLine.self, from: first)
            #expect(line.text == "2")
            lines = []
            await hub.stop()
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
            let long = String(repeating: "x", count: TopicLine.textBytes + 1)
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
