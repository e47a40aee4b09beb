internal import CMariaDB
public import IgropyrDatabase
internal import IgropyrTime
public import IgropyrUV

/// One session with a MariaDB or MySQL server, lent by ``MySQL``; an actor of its loop. Queries of several tasks take
/// turns.
@safe
public actor MySQLConnection: LoopBound {
    /// After so many rows others have their turn on the loop, lest a server that is fast holds it up.
    private static let rowsInARowLimit = 128

    /// A session, by the server's own name and its number there.
    private struct Identity {
        let server: String
        let number: UInt64
    }

    nonisolated public let loop: EventLoop
    let settings: PoolSettings
    let socket: SharedSocket<MySQLServerError>
    var statements: StatementCache<MySQLStatement>
    /// What is being asked, for errors to name.
    public internal(set) var asked = ""
    public var parts = SQLTransactionParts()
    /// Whether something was asked whose answer has not been taken whole.
    var isAnswering = false
    /// A statement that is not kept.
    var forOnce: MySQLStatement?
    /// What ``forEachRow(of:_:)`` is at.
    var rowByRow: MySQLAnswer?
    /// Rows fetched since others last had their turn on the loop.
    private var rowsInARow = 0
    /// What rolled the transaction back that the client believes to be open.
    var rollback: MySQLServerError?
    /// Whether the server has said that it takes no changes: another one may do so now.
    var isDemoted = false
    /// Nil once closed.
    private var context: MySQLContext?
    private let target: MySQLTarget
    private let place: ServerName.Place
    private var identity: Identity?
    /// Of what is asked next.
    private(set) var timeLimit: Duration

    private init(
        _ target: MySQLTarget, at place: ServerName.Place, on loop: EventLoop, _ settings: PoolSettings
    ) throws(MySQLError) {
        self.loop = loop
        self.settings = settings
        timeLimit = settings.connectTimeout
        self.target = target
        self.place = place
        statements = StatementCache(limit: settings.preparedStatements)
        let context = try MySQLContext(target, limitBytes: settings.resultLimit)
        do throws(UVError) { socket = try SharedSocket(on: loop) } catch {
            context.close()
            throw .connectionLost("\(error)")
        }
        self.context = context
        socket.onFailure = { error in
            if error != .closed { context.shutDown() }
        }
    }

    /// Connects to the first address that answers, and proves who asks, within the time that `settings` give.
    static func open(
        _ target: MySQLTarget, on loop: EventLoop, _ settings: PoolSettings
    ) async throws(MySQLError) -> MySQLConnection {
        try await target.server.connect(within: settings.connectTimeout) {
            place, deadline throws(MySQLError) in
            let connection = try await open(target, at: place, on: loop, settings, until: deadline)
            try await connection.identify()
            return connection
        }
    }

    private static func open(
        _ target: MySQLTarget, at place: ServerName.Place, on loop: EventLoop, _ settings: PoolSettings,
        until deadline: Timestamp
    ) async throws(MySQLError) -> MySQLConnection {
        let connection = try MySQLConnection(target, at: place, on: loop, settings)
        try await connection.connect(until: deadline)
        return connection
    }

    private func connect(until deadline: Timestamp) async throws(MySQLError) {
        do throws(MySQLError) { try await handshake(until: deadline) } catch {
            close()
            throw error
        }
    }

    private func handshake(until deadline: Timestamp) async throws(MySQLError) {
        let context = try whole()
        defer { timeLimit = max(.zero, EventLoop.preciseNow.duration(to: deadline)) }
        socket.arm(max(.zero, EventLoop.preciseNow.duration(to: deadline)))
        defer { socket.disarm() }
        let login = MySQLLogin(target, at: place)
        var wanted = context.startConnecting(login)
        context.unfinished = { events in withExtendedLifetime(login) { context.proceedConnecting(events) } }
        while wanted != 0 {
            try await wait(for: wanted, context)
            wanted =
                target.tls == .disabled
                ? context.proceedConnecting(wanted) : try await proceedOnThread(wanted, context)
        }
        context.unfinished = nil
        guard context.isConnected else { throw context.connectFailure }
    }

    /// libmariadb's TLS handshake waits for the server, in its calls that do not block, too (its issue CONC-594). So a
    /// thread of its own waits, until the handshake is done or a failure shuts the socket down.
    private func proceedOnThread(_ wanted: Int32, _ context: MySQLContext) async throws(MySQLError) -> Int32 {
        nonisolated(unsafe) let context = context  // Nobody touches it meanwhile, but for the descriptor.
        let outcome: Result<Int32, UVError> = await withTaskCancellationHandler {
            do throws(UVError) {
                return .success(
                    try await EventLoop.onThread(name: "igropyr-tls") { unsafe context.proceedConnecting(wanted) })
            } catch { return .failure(error) }
        } onCancel: {
            let giveUp = { @Sendable in self.assumeIsolated { _ = $0.socket.fail(.cancelled) } }
            if loop.isCurrent { giveUp() } else { loop.submit(giveUp) }
        }
        try socket.checkIsWhole()
        do throws(UVError) { return try outcome.get() } catch { throw .cannotConnect("no thread for TLS: \(error)") }
    }

    /// Asks the server who it is. Statements outside of transactions are kept, which a server may be set not to do; and
    /// times are those of UTC, as a `Date` is read and written.
    private func identify() async throws(MySQLError) {
        do throws(MySQLError) {
            let row = try await command(
                "SET autocommit = 1, time_zone = '+00:00'; SELECT CONCAT_WS(':', @@hostname, @@port), CONNECTION_ID()")
            guard row.count == 2, let server = row[0], let number = row[1].flatMap({ UInt64($0) }) else {
                throw .cannotConnect("the server does not tell who it is")
            }
            identity = Identity(server: server, number: number)
            timeLimit = settings.queryTimeout
        } catch {
            close()
            guard case .server(let answer) = error else { throw error }
            throw answer.connectFailure
        }
    }

    // MARK: libmariadb's calls

    func whole() throws(MySQLError) -> MySQLContext {
        try socket.checkIsWhole()
        guard let context else { throw .closed }
        return context
    }

    /// Runs one of libmariadb's calls, of which `start` begins it and `proceed` goes on; both set what it returns. It
    /// may look at `memory` until it is done, which it is at the connection's end at last.
    func call<Value>(
        _ value: Value, _ context: MySQLContext, keeping memory: AnyObject? = nil, start: (inout Value) -> Int32,
        proceed: @escaping (inout Value, Int32) -> Int32
    ) async throws(MySQLError) -> Value {
        var result = value
        var wanted = start(&result)
        while wanted != 0 {
            context.unfinished = { events in
                var ignored = value
                return withExtendedLifetime(memory) { proceed(&ignored, events) }
            }
            try await wait(for: wanted, context)
            context.unfinished = nil
            wanted = proceed(&result, wanted)
        }
        withExtendedLifetime(memory) {}
        return result
    }

    private func wait(for wanted: Int32, _ context: MySQLContext) async throws(MySQLError) {
        var events: Poller.Events = []
        if wanted & (MYSQL_WAIT_READ | MYSQL_WAIT_EXCEPT) != 0 { events.insert(.readable) }
        if wanted & MYSQL_WAIT_WRITE != 0 { events.insert(.writable) }
        try await socket.wait(for: events, of: context.descriptor)
    }

    /// To be called for each row.
    func letOthersOn() async throws(MySQLError) {
        rowsInARow += 1
        guard rowsInARow >= Self.rowsInARowLimit else { return }
        rowsInARow = 0
        await Task.yield()
        try socket.checkIsWhole()
    }

    /// A connection on whose answer nobody waits any more is of no use, and what the server still does for it neither.
    func end() async {
        socket.disarm()
        if isAnswering {
            isAnswering = false
            let error = socket.fail(.connectionLost("a query was given up before its last row"))
            if error == .timedOut || error == .cancelled { await endAtServer() }
        }
        socket.endTurn()
    }

    /// Has the server end this session, which it would only do when it has an answer to send, and keep the locks until
    /// then: by another connection, if that reaches the same server.
    private func endAtServer() async {
        guard let identity else { return }
        // Another task, since this one may have been cancelled.
        await Task(executorPreference: loop) { [target, place, loop, settings] in
            let deadline = EventLoop.preciseNow.advanced(by: settings.connectTimeout)
            let other = try? await Self.open(target, at: place, on: loop, settings, until: deadline)
            guard let other else { return }
            await other.end(identity)
            await other.close()
        }.value
    }

    private func end(_ other: Identity) async {
        let row = try? await command("SELECT CONCAT_WS(':', @@hostname, @@port)")
        if row?.first == other.server { _ = try? await command("KILL CONNECTION \(other.number)") }
    }
}

extension MySQLConnection: PooledConnection {
    public typealias ServerError = MySQLServerError

    public var failure: MySQLError? { socket.failure }

    public var isUsable: Bool {
        guard !isDemoted, socket.isFree, let context else { return false }
        let flags = context.status & UInt32(SERVER_STATUS_IN_TRANS | SERVER_STATUS_AUTOCOMMIT)
        return flags == UInt32(SERVER_STATUS_AUTOCOMMIT) && !isStale(context.descriptor)
    }

    public func close() {
        guard let context else { return }
        self.context = nil
        socket.close()
        context.close()
    }
}
