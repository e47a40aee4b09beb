import Igropyr
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Topics without a cluster` {
    let topics = App().topics

    @Test func `reach all subscribers in the order in which things were said`() async throws {
        let streams = [await topics.messages(of: "a"), await topics.messages(of: "b"), await topics.messages(of: "a")]
        try await topics.publish("1", to: "a")
        try await topics.publish("2", to: "b")
        try await topics.publish(json: ["n": 3], to: "a")
        for (stream, texts) in zip(streams, [["1", #"{"n":3}"#], ["2"], ["1", #"{"n":3}"#]]) {
            var messages = stream.makeAsyncIterator()
            for text in texts {
                let message = try #require(await messages.next())
                #expect(message.text == text && !message.followsGap)
            }
        }
    }

    /// As the type's own words have it.
    @Test func `tell WebSockets what others say, until these close`() async throws {
        let left = Locked(0)
        try await withApp { app in
            let topics = app.topics
            app.webSocket("/lobby") { _, socket in
                defer { left.withLock { $0 += 1 } }
                let said = await topics.messages(of: "lobby")
                async let _ = { for await message in said { await socket.offer(.text(message.text)) } }()
                for try await case .text(let text) in socket.messages { try await topics.publish(text, to: "lobby") }
            }
        } _: { caller in
            let url = "ws://\(caller.server.address)/lobby"
            try await WebSocket.connect(to: url) { first in
                try await first.send("1")
                #expect(try await first.receive() == .text("1"))
                try await WebSocket.connect(to: url) { second in
                    try await second.send("2")
                    for socket in [first, second] { #expect(try await socket.receive() == .text("2")) }
                }
                try await eventually("the second has left") { left.withLock { $0 } == 1 }
            }
        }
    }

    @Test func `give values back as they were`() async throws {
        var messages = await topics.messages(of: "a").makeAsyncIterator()
        try await topics.publish(json: ["née": [1.5]], to: "a")
        #expect(try await messages.next()?.decode([String: [Double]].self) == ["née": [1.5]])
    }

    @Test func `drop the oldest for who does not keep up, and say so`() async throws {
        var messages = await topics.messages(of: "a").makeAsyncIterator()
        for number in 1...1030 { try await topics.publish("\(number)", to: "a") }
        var heard: [TopicMessage] = []
        while heard.last?.text != "1030" { heard.append(try #require(await messages.next())) }
        #expect(heard.count == 1024 && heard.first?.text == "7" && heard.contains(where: \.followsGap))
    }

    @Test(arguments: ["", String(repeating: "x", count: 256), "a\nb", "a\u{7F}"])
    func `refuse what is no topic`(topic: String) async {
        await #expect(throws: TopicFailure.invalidTopic(topic)) { try await topics.publish("1", to: topic) }
    }

    @Test func `refuse what is too long or no JSON`() async {
        let text = String(repeating: "x", count: Topics.textBytes + 1)
        await #expect(throws: TopicFailure.tooLong(text.utf8.count)) { try await topics.publish(text, to: "a") }
        await #expect(throws: TopicFailure.self) { try await topics.publish(json: Double.nan, to: "a") }
    }
}
