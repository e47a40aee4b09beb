public import IgropyrDatabase
internal import IgropyrTime
public import IgropyrUV

/// One connection to Redis, lent by ``Redis``; an actor of its loop. Commands of several tasks take turns.
public actor RedisConnection: LoopBound {
    nonisolated public let loop: EventLoop
    private let settings: PoolSettings
    /// Nil once closed.
    private var context: RedisContext?
    private var session = RedisSession()
    /// Whether somebody has his turn.
    private var isBusy = false
    /// Why nothing can be asked any more.
    private var failure: RedisError?
    private let turns = WaitingTasks()
    private let waiting = WaitingTasks()
    private let timer: Timer
    private var poller: Poller?
    private var watched: Poller.Events = []
    private var isReady = false
    /// What came before the last channel was confirmed.
    private var early: [RedisMessage] = []

    private init(_ place: RedisPlace, on loop: EventLoop, _ settings: PoolSettings) throws(RedisError) {
        self.loop = loop
        self.settings = settings
        context = try RedisContext(place, limitBytes: settings.resultLimit)
        do throws(UVError) { timer = try Timer(on: loop) } catch { throw .connectionLost("\(error)") }
    }

    /// Connects to the first address that answers, and proves who asks, within the time that `settings` give.
    static func open(
        _ target: RedisTarget, on loop: EventLoop, _ settings: PoolSettings
    ) async throws(RedisError) -> RedisConnection {
        let deadline = loop.now.advanced(by: settings.connectTimeout)
        var reason = "its name has no address"
        for place in try await target.places(on: loop) {
            do throws(RedisError) {
                let connection = try RedisConnection(place, on: loop, settings)
                try await connection.greet(target.greeting, until: deadline)
                return connection
            } catch .connectionLost(let text) {
                reason = text
            } catch .timedOut {
                throw .cannotConnect("no answer within \(settings.connectTimeout)")
            }
        }
        throw .cannotConnect(reason)
    }

    private func greet(_ greeting: [RedisCommand], until deadline: Timestamp) async throws(RedisError) {
        do throws(RedisError) {
            let answers = try await converse(greeting, within: max(.zero, loop.now.duration(to: deadline)))
            for (command, answer) in zip(greeting, answers) {
                guard case .error(let error) = answer else { continue }
                throw command.name == "AUTH" || error.code == "NOAUTH"
                    ? .accessDenied("\(error)") : .cannotConnect("\(error)")
            }
        } catch {
            close()
            throw error
        }
    }

    // MARK: Commands

    /// Sends commands at once, and gives their answers in the same order; those that the server refused are
    /// ``RedisValue/error(_:)``. Their time is that of one query, their size that of one result.
    public func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        for command in commands { try command.check() }
        try await takeTurn()
        defer { end() }
        for command in commands { session.note(command) }
        return try await converse(commands, within: settings.queryTimeout)
    }

    private func converse(_ commands: [RedisCommand], within time: Duration) async throws(RedisError) -> [RedisValue] {
        arm(time)
        defer { timer.cancel() }
        let context = try whole()
        context.renewAllowance()
        for command in commands { try orFail { () throws(RedisError) in try context.append(command) } }
        var answers: [RedisValue] = []
        while answers.count < commands.count { answers.append(try await nextAnswer()) }
        return answers
    }

    /// Sends what is to be sent, and takes what comes meanwhile, lest both sides wait for each other.
    private func nextAnswer() async throws(RedisError) -> RedisValue {
        while true {
            let context = try whole()
            if let answer = try orFail({ () throws(RedisError) in try context.nextAnswer() }) { return answer }
            let isSent = try orFail { () throws(RedisError) in try context.send() }
            try await wait(for: isSent ? .readable : [.readable, .writable])
            try orFail { () throws(RedisError) in try context.receive() }
        }
    }

    private func takeTurn() async throws(RedisError) {
        while isBusy {
            guard !Task.isCancelled else { throw .cancelled }
            await turns.wait(on: loop) { isBusy }
        }
        guard !Task.isCancelled else { throw .cancelled }
        _ = try whole()
        isBusy = true
    }

    private func end() {
        isBusy = false
        turns.wake()
    }

    // MARK: Messages

    /// Has the server send what is published. The connection serves for nothing else from now on.
    func subscribe(to channels: [String], patterns: [String]) async throws(RedisError) {
        try await takeTurn()  // For ever.
        arm(settings.queryTimeout)
        defer { timer.cancel() }
        let context = try whole()
        context.renewAllowance()
        for (name, list) in [("SUBSCRIBE", channels), ("PSUBSCRIBE", patterns)] where !list.isEmpty {
            try orFail { () throws(RedisError) in try context.append(RedisCommand([name] + list)) }
        }
        var unconfirmed = channels.count + patterns.count
        while unconfirmed > 0 {
            let answer = try await nextAnswer().checked()
            if let message = RedisMessage(answer) { early.append(message) } else { unconfirmed -= 1 }
        }
    }

    /// The next message; nil once the client was closed. What nobody takes stays with the kernel, and at last with the
    /// server.
    func nextMessage() async throws(RedisError) -> RedisMessage? {
        guard early.isEmpty else { return early.removeFirst() }
        while failure != .closed {
            try whole().renewAllowance()
            do throws(RedisError) {
                if let message = RedisMessage(try await nextAnswer()) { return message }
            } catch .closed {
                return nil
            }
        }
        return nil
    }

    // MARK: The socket

    private func whole() throws(RedisError) -> RedisContext {
        guard failure == nil, let context else { throw failure ?? .closed }
        return context
    }

    /// Gives the connection up: nothing can be asked any more.
    private func fail(_ error: RedisError) -> RedisError {
        if failure == nil { failure = error }
        waiting.wake()
        return failure ?? error
    }

    private func orFail<Result>(_ body: () throws(RedisError) -> Result) throws(RedisError) -> Result {
        do throws(RedisError) { return try body() } catch { throw fail(error) }
    }

    private func arm(_ time: Duration) {
        try? timer.start(after: time) {  // Fails only once closed.
            self.assumeIsolated { _ = $0.fail(.timedOut) }
        }
    }

    /// Returns when the socket is ready for any of these.
    private func wait(for events: Poller.Events) async throws(RedisError) {
        let context = try whole()
        isReady = false
        do throws(UVError) { try watch(events, of: context) } catch { throw fail(.connectionLost("\(error)")) }
        await waiting.wait(on: loop) { !isReady && failure == nil }
        if !isReady, failure == nil { throw fail(.cancelled) }
        _ = try whole()
    }

    private func watch(_ events: Poller.Events, of context: RedisContext) throws(UVError) {
        if poller == nil { poller = try Poller(on: loop, descriptor: context.descriptor) }
        guard watched != events else { return }
        watched = events
        try poller?.start(events) { self.assumeIsolated { $0.didBecomeReady() } }
    }

    private func didBecomeReady() {
        if isReady {  // Nobody waits.
            poller?.stop()
            watched = []
        }
        isReady = true
        waiting.wake()
    }
}

extension RedisConnection: RedisCommands {}

extension RedisConnection: PooledConnection {
    public typealias ServerError = RedisServerError

    public var isUsable: Bool {
        guard failure == nil, !isBusy, session.isClean, let context else { return false }
        return context.isQuiet && !isStale(context.descriptor)
    }

    public func close() {
        guard context != nil else { return }
        _ = fail(.closed)
        timer.close()
        poller?.close()
        poller = nil
        context = nil
    }
}
