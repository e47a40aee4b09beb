public import FoundationEssentials
internal import IgropyrText
internal import IgropyrUV

/// What the workers of an application say to each other, on whatever hosts they run: publish and subscribe.
///
/// ```swift
/// app.webSocket("/lobby") { _, socket in
///     let said = await app.topics.messages(of: "lobby")
///     async let _ = { for await message in said { await socket.offer(.text(message.text)) } }()
///     for try await case .text(let text) in socket.messages { try await app.topics.publish(text, to: "lobby") }
/// }
/// ```
///
/// Each message reaches each subscriber once at most, those of one worker in the order in which it said them. Nodes
/// keep the last 1024 of an application for half a minute, and a worker that was cut off for less goes on where it was;
/// else it misses them. A worker hears itself at once, others by their nodes. Without a cluster it is the talk of one
/// process. May be used from anywhere.
public final class Topics: Sendable {
    /// Of a topic's name.
    public static var topicBytes: Int { TopicLine.topicBytes }
    /// Of a message.
    public static var textBytes: Int { TopicLine.textBytes }
    /// Messages that wait for one subscriber.
    private static let bufferLimit = 1024

    private struct Subscriber {
        let topic: String
        let messages: AsyncStream<TopicMessage>.Continuation
        var hasMissed = false

        mutating func take(_ text: String) {
            let message = TopicMessage(topic: topic, text: text, followsGap: hasMissed)
            if case .dropped = messages.yield(message) { hasMissed = true } else { hasMissed = false }
        }
    }

    private struct State {
        /// Of each topic that has some.
        var subscribers: [String: [Int: Subscriber]] = [:]
        var lastID = 0
        var relay: TopicRelay?
    }

    private let state = Locked(State())
    /// Where the node takes messages and gives them; nil without one.
    private let url: String?

    init(at url: String?) { self.url = url }

    // MARK: - Talking

    /// Says a text to all that subscribe to the topic, in this worker and in others. Returns when the node has it; one
    /// that is being restarted is waited for, some seconds.
    /// - Throws: That other workers may not get it; those that subscribe in this one have.
    public func publish(_ text: String, to topic: String) async throws(TopicFailure) {
        guard TopicLine.isTopic(topic) else { throw .invalidTopic(topic) }
        guard TopicLine.isText(text) else { throw .tooLong(text.utf8.count) }
        deliver(text, to: topic)
        if let relay = try relay() { try await relay.publish(text, to: topic) }
    }

    /// The same for a value, as JSON.
    public func publish(
        json value: some Encodable, to topic: String, by encoder: JSONEncoder = .forBodies
    ) async throws(TopicFailure) {
        let data: Data
        do { data = try encoder.encode(value) } catch { throw .notEncodable("\(error)") }
        try await publish(String(decoding: data, as: UTF8.self), to: topic)
    }

    // MARK: - Listening

    /// What is said from now on, until the task that reads it is cancelled or it is let go of.
    ///
    /// Who does not keep up loses the oldest of 1024 messages (``TopicMessage/followsGap``). Returns when all nodes
    /// that can be reached have been told, after two seconds at most: to subscribe first, and then read what was
    /// before, misses nothing.
    public func messages(of topic: String) async -> AsyncStream<TopicMessage> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: TopicMessage.self, bufferingPolicy: .bufferingNewest(Self.bufferLimit))
        let id = state.withLock { state in
            state.lastID += 1
            state.subscribers[topic, default: [:]][state.lastID] = Subscriber(topic: topic, messages: continuation)
            return state.lastID
        }
        continuation.onTermination = { [weak self] _ in self?.remove(id, of: topic) }
        await (try? relay())?.listen()
        return stream
    }

    private func remove(_ id: Int, of topic: String) {
        let relay = state.withLock { state in
            state.subscribers[topic]?[id] = nil
            if state.subscribers[topic]?.isEmpty == true { state.subscribers[topic] = nil }
            return state.relay
        }
        Task { await relay?.restIfUnneeded() }
    }

    var hasSubscribers: Bool { state.withLock { !$0.subscribers.isEmpty } }

    func deliver(_ text: String, to topic: String) {
        state.withLock { state in
            for id in (state.subscribers[topic] ?? [:]).keys { state.subscribers[topic]?[id]?.take(text) }
        }
    }

    /// Something may not have come.
    func noteGap() {
        state.withLock { state in
            for (topic, some) in state.subscribers {
                for id in some.keys { state.subscribers[topic]?[id]?.hasMissed = true }
            }
        }
    }

    // MARK: - The node

    /// Nil without a node.
    private func relay() throws(TopicFailure) -> TopicRelay? {
        guard let url else { return nil }
        do {
            return try state.withLock { state in
                if let relay = state.relay { return relay }
                let relay = TopicRelay(at: url, for: self, on: try SharedLoop.thread.get().loop)
                state.relay = relay
                return relay
            }
        } catch { throw .notTaken("\(error)") }
    }
}
