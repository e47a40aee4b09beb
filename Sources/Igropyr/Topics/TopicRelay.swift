internal import FoundationEssentials
internal import HTTPTypes
internal import IgropyrText
internal import IgropyrUV
internal import Logging

/// A worker's way to the others of its application: its node, which takes what it says and tells what they say.
///
/// Asks by HTTP: a `POST` says something, a `GET` is answered by a ``TopicLine`` each, or an empty one each second at
/// least.
actor TopicRelay: LoopBound {
    private static let listenerField = HTTPField.Name("Igropyr-Listener")!
    private static let lastIDField = HTTPField.Name("Last-Event-ID")!
    /// How long a node that is being restarted is waited for, by who says something and by who begins to listen.
    private static let patience: Duration = .seconds(2)
    private static let shortestPause: Duration = .milliseconds(100)
    private static let longestPause: Duration = .seconds(2)
    private static let lineBytes = 1 << 20

    nonisolated let loop: EventLoop
    private let url: String
    /// By which the node knows that what comes from here is known here.
    private let name: String
    private let client: HTTPClient
    private let logger = Logger(label: "igropyr.topics")
    private weak let topics: Topics?
    private var receiver: Task<Void, Never>?
    private var isListening = false
    /// Since somebody subscribed.
    private var hasMissed = false
    /// Of the last line that came.
    private var lastID: String?
    private let openers = WaitingTasks()

    init(at url: String, for topics: Topics, on loop: EventLoop) {
        self.url = url
        self.topics = topics
        self.loop = loop
        name = String(UInt64.random(in: .min ... .max), radix: 36)
        var settings = HTTPClient.Settings()
        settings.connectTimeout = .seconds(1)
        settings.responseTimeout = .seconds(5)
        settings.redirects = 0
        client = HTTPClient(settings)
    }

    // MARK: - Talking

    /// On the caller's loop.
    nonisolated func publish(_ text: String, to topic: String) async throws(TopicFailure) {
        let body: [UInt8]
        do { body = Array(try JSONEncoder().encode(TopicLine(topic: topic, text: text))) } catch {
            throw .notEncodable("\(error)")
        }
        let deadline = ContinuousClock.now.advanced(by: Self.patience)
        while true {
            do {
                let response = try await client.send(.post, url, fields: [Self.listenerField: name], body: body)
                guard response.status != HTTPResponse.Status.ok else { return }
                // Taken by nobody: the node stops, or is asked too much.
                let mayPass = [.serviceUnavailable, .tooManyRequests].contains(response.status)
                guard mayPass, ContinuousClock.now < deadline else {
                    throw TopicFailure.notTaken("the node answered \(response.status): \(response.text.prefix(200))")
                }
            } catch let failure as TopicFailure {
                throw failure
            } catch let failure as HTTPRequestFailure {
                guard !failure.mayHaveBeenReceived, ContinuousClock.now < deadline else {
                    throw .notTaken(failure.reason)
                }
            } catch { throw .notTaken("\(error)") }
            do { try await Task.sleep(for: Self.shortestPause) } catch { throw .notTaken("\(error)") }
        }
    }

    // MARK: - Listening

    /// Returns when the node tells what others say, or after some time.
    func listen() async {
        if receiver == nil { receiver = Task(executorPreference: loop) { await self.receive() } }
        await openers.wait(on: loop, atMost: Self.patience) { !isListening }
    }

    /// Nobody subscribes any more.
    func restIfUnneeded() {
        guard topics?.hasSubscribers != true else { return }
        receiver?.cancel()
        receiver = nil
        isListening = false
        hasMissed = false
        lastID = nil
    }

    /// Until it is cancelled, or nobody has the topics any more.
    private func receive() async {
        var pause = Self.shortestPause
        var failures = 0
        while true {
            let reason = await receiveOnce()
            guard !Task.isCancelled, topics != nil else { return }
            if isListening { (pause, failures) = (Self.shortestPause, 0) }
            failures += 1
            if failures == 2 {  // One is what a node that is being replaced has them all see.
                logger.warning("messages of other workers do not come; asking again", metadata: ["reason": "\(reason)"])
            }
            isListening = false
            hasMissed = true
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// - Returns: why it ended.
    private func receiveOnce() async -> String {
        do {
            var fields: HTTPFields = [Self.listenerField: name]
            fields[Self.lastIDField] = lastID
            return try await client.stream(.get, url, fields: fields) { response in
                guard response.status == .ok else { return "the node answered \(response.status)" }
                try await read(response.body)
                return "the node ended the stream"
            }
        } catch let failure as HTTPRequestFailure {
            return failure.reason  // The node's address is a secret.
        } catch { return "\(error)" }
    }

    private func read(_ body: HTTPClientBody) async throws {
        var rest: [UInt8] = []
        for try await piece in body {
            guard !Task.isCancelled, topics != nil else { return }
            rest += piece
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                if end > start { take(try JSONDecoder().decode(TopicLine.self, from: Data(rest[start..<end]))) }
                start = end + 1
            }
            rest.removeFirst(start)
            guard rest.count <= Self.lineBytes else { throw TopicFailure.tooLong(rest.count) }
        }
    }

    private func take(_ line: TopicLine) {
        if let id = line.id { lastID = id }
        if let topic = line.topic, let text = line.text {
            topics?.deliver(text, to: topic)
        } else if line.gap == true, isListening || hasMissed {
            topics?.noteGap()
        }
        guard !isListening else { return }
        isListening = true
        hasMissed = false
        openers.wake()
    }
}
