public import IgropyrDatabase
internal import IgropyrTime
internal import IgropyrTransport
public import IgropyrUV

/// One connection to Redis, lent by ``Redis``; an actor of its loop. Commands of several tasks take turns.
public actor RedisConnection: LoopBound {
    nonisolated public let loop: EventLoop
    private let settings: PoolSettings
    /// Nil once closed.
    private var context: RedisContext?
    private var session = RedisSession()
    public private(set) var asked = ""
    private let socket: SharedSocket<RedisServerError>
    /// What came before the last channel was confirmed.
    private var early: [RedisMessage] = []

    private init(
        _ place: ServerName.Place, _ session: sending TLSSession?, on loop: EventLoop, _ settings: PoolSettings
    ) throws(RedisError) {
        self.loop = loop
        self.settings = settings
        context = try RedisContext(place, session, limitBytes: settings.resultLimit)
        do throws(UVError) { socket = try SharedSocket(on: loop) } catch { throw .connectionLost("\(error)") }
    }

    /// Connects to the first address that answers, and proves who asks, within the time that `settings` give.
    static func open(
        _ target: RedisTarget, on loop: EventLoop, _ settings: PoolSettings
    ) async throws(RedisError) -> RedisConnection {
        try await target.server.connect(within: settings.connectTimeout) {
            place, deadline throws(RedisError) in
            let session = try await target.session(on: loop)
            let connection = try RedisConnection(place, session, on: loop, settings)
            try await connection.greet(target.greeting, until: deadline)
            return connection
        }
    }

    private func greet(_ greeting: [RedisCommand], until deadline: Timestamp) async throws(RedisError) {
        do throws(RedisError) {
            for command in greeting {  // One by one: a server that is full answers the first, and ends.
                let left = max(.zero, EventLoop.preciseNow.duration(to: deadline))
                guard case .error(let error)? = try await converse([command], within: left).first else { continue }
                if error.isOfFullServer { throw .tooManyConnections("\(error)") }
                throw command.name == "AUTH" || error.code == "NOAUTH"
                    ? .accessDenied("\(error)") : .cannotConnect("\(error)")
            }
        } catch {
            let isHandshaking = context?.isHandshaking ?? false
            close()
            if error == .timedOut, isHandshaking {
                throw .cannotConnect("the server does not answer in TLS: it may have none at this port")
            }
            throw error
        }
    }

    // MARK: Commands

    /// Sends commands at once, and gives their answers in the same order; those that the server refused are
    /// ``RedisValue/error(_:)``. Their time is that of one query, their size that of one result.
    public func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        for command in commands { try command.check() }
        try await socket.takeTurn()
        defer { socket.endTurn() }
        asked = commands.first?.name ?? ""
        for command in commands { session.note(command) }
        let answers = try await converse(commands, within: settings.queryTimeout)
        for answer in answers { session.note(answer) }
        return answers
    }

    private func converse(_ commands: [RedisCommand], within time: Duration) async throws(RedisError) -> [RedisValue] {
        socket.arm(time)
        defer { socket.disarm() }
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
            try await socket.wait(for: isSent ? .readable : [.readable, .writable], of: context.descriptor)
            try orFail { () throws(RedisError) in try context.receive() }
        }
    }

    // MARK: Messages

    /// Has the server send what is published. The connection serves for nothing else from now on.
    func subscribe(to channels: [String], patterns: [String]) async throws(RedisError) {
        try await socket.takeTurn()  // For ever.
        asked = "SUBSCRIBE"
        socket.arm(settings.queryTimeout)
        defer { socket.disarm() }
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
        while socket.failure != .closed {
            try whole().renewAllowance()
            do throws(RedisError) {
                if let message = RedisMessage(try await nextAnswer()) { return message }
            } catch .closed {
                return nil
            }
        }
        return nil
    }

    private func whole() throws(RedisError) -> RedisContext {
        try socket.checkIsWhole()
        guard let context else { throw .closed }
        return context
    }

    private func orFail<Result>(_ body: () throws(RedisError) -> Result) throws(RedisError) -> Result {
        do throws(RedisError) { return try body() } catch { throw socket.fail(error) }
    }
}

extension RedisConnection: RedisCommands {}

extension RedisConnection: PooledConnection {
    public typealias ServerError = RedisServerError

    public var failure: RedisError? { socket.failure }

    public var isUsable: Bool {
        guard socket.isFree, session.isClean, let context else { return false }
        return context.isQuiet && !isStale(context.descriptor)
    }

    public func close() {
        socket.close()
        context = nil
    }
}
