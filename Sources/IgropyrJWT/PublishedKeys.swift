internal import Igropyr
internal import IgropyrUV

/// Keys that an identity provider publishes at a URL, fetched when the first token comes; then anew after ``lifetime``,
/// or after ``pause`` where that failed, while the old ones serve on; and when a token names one that is not among
/// them. However many tokens do: no more than one fetch at a time, nor in each ``pause``. For any thread.
final class PublishedKeys: Sendable {
    /// A key that the provider takes back is believed for so long.
    static let lifetime = Duration.seconds(600)
    static let pause = Duration.seconds(10)
    /// What a fetch takes at most, redirections and all.
    static let fetchLimit = Duration.seconds(10)
    private static let limitBytes = 1 << 20

    private typealias Outcome = Result<JWTKeys.Known, JWTKeyFailure>

    private struct State {
        var known: JWTKeys.Known?
        /// Nil while nothing is fetched.
        var waiting: [AsyncStream<Outcome>.Continuation]?
        var lastBegan: ContinuousClock.Instant?
        var lastFailure: JWTKeyFailure?
    }

    private let url: String
    private let client: HTTPClient
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Locked(State())

    init(_ url: String, _ client: HTTPClient, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.url = url
        self.client = client
        self.now = now
    }

    /// The keys for a token that calls its own so.
    /// - Returns: those that were published last, whether the one that is named is among them or not.
    /// - Throws: ``JWTKeyFailure`` if it is not, and the provider did not answer when it was last asked;
    ///   `CancellationError` if the task is cancelled while they are fetched.
    func known(naming name: String?) async throws -> JWTKeys.Known {
        let time = now()
        let (known, outcome, failure) = state.withLock { state in
            let isServed = state.lastFailure == nil && state.known?.has(name) ?? false
            let age = state.lastBegan?.duration(to: time)
            let isDue = age.map { $0 >= (isServed ? Self.lifetime : Self.pause) } ?? true
            if isDue { begin(&state, at: time) }
            let isKnown = state.known?.has(name) ?? false
            return (state.known, isKnown ? nil : wait(&state), state.lastFailure)
        }
        if let known, known.has(name) { return known }
        if let outcome { return try await Self.first(of: outcome).get() }
        if let failure { throw failure }  // The key may be one that was published meanwhile.
        if let known { return known }
        throw JWTKeyFailure("\(url.toldOfURL): there are no keys yet")
    }

    /// Fetches them now.
    func fetch() async throws(JWTKeyFailure) {
        let time = now()
        let outcome = state.withLock { state in
            begin(&state, at: time)
            return wait(&state)
        }
        guard let outcome, let result = try? await Self.first(of: outcome) else {
            throw JWTKeyFailure("\(url.toldOfURL): the task was cancelled")
        }
        _ = try result.get()
    }

    /// Unless it has begun.
    private func begin(_ state: inout State, at time: ContinuousClock.Instant) {
        guard state.waiting == nil else { return }
        state.waiting = []
        state.lastBegan = time
        // Its own task, since many wait for it, and one who is cancelled ends it for no other.
        Task { [self] in
            let result: Outcome
            do throws(JWTKeyFailure) { result = .success(try await download()) } catch { result = .failure(error) }
            let waiting = self.state.withLock { state in
                switch result {
                case .success(let known): (state.known, state.lastFailure) = (known, nil)
                case .failure(let failure): state.lastFailure = failure
                }
                defer { state.waiting = nil }
                return state.waiting ?? []
            }
            for one in waiting {
                one.yield(result)
                one.finish()
            }
        }
    }

    /// The end of what is being fetched; nil if nothing is.
    private func wait(_ state: inout State) -> AsyncStream<Outcome>? {
        guard state.waiting != nil else { return nil }
        let (outcome, continuation) = AsyncStream<Outcome>.makeStream(bufferingPolicy: .bufferingNewest(1))
        state.waiting?.append(continuation)
        return outcome
    }

    /// - Throws: `CancellationError`, at once: the stream ends then.
    private static func first(of outcome: AsyncStream<Outcome>) async throws -> Outcome {
        for await result in outcome { return result }
        throw CancellationError()
    }

    private func download() async throws(JWTKeyFailure) -> JWTKeys.Known {
        let text = try await body()
        do throws(JWTKeyFailure) { return try await JWTVerifier.keys(of: text) } catch {
            throw JWTKeyFailure("\(url.toldOfURL): \(error)")
        }
    }

    private func body() async throws(JWTKeyFailure) -> String {
        let response: HTTPClientResponse
        do { response = try await ask() } catch { throw JWTKeyFailure("the keys cannot be fetched: \(error)") }
        guard response.status == .ok, response.body.count <= Self.limitBytes,
            let text = String(validating: response.body, as: UTF8.self)
        else { throw JWTKeyFailure("\(url.toldOfURL) answers \(response.status.code), and no text of up to 1 MiB") }
        return text
    }

    private func ask() async throws -> HTTPClientResponse {
        try await withThrowingTaskGroup(of: HTTPClientResponse.self) { [client, url] group in
            group.addTask { try await client.get(url) }
            group.addTask {
                try await Task.sleep(for: Self.fetchLimit)
                throw JWTKeyFailure("no answer within \(Self.fetchLimit)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}
