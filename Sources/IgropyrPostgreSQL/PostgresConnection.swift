internal import CPostgreSQL
internal import Glibc
public import IgropyrDatabase
internal import IgropyrTime
public import IgropyrUV

/// One session with a PostgreSQL server, lent by ``Postgres``; an actor of its loop. Queries of several tasks take
/// turns.
@safe
public actor PostgresConnection: LoopBound {
    nonisolated public let loop: EventLoop
    let settings: PoolSettings
    let raw: OpaquePointer
    var statements: StatementCache<String>
    var statementCount = 0
    /// What is being asked, for errors to name.
    public internal(set) var asked = ""
    public var parts = SQLTransactionParts()
    /// Names of statements that the server is yet to forget.
    var obsolete: [String] = []
    /// Whether the server has said that it takes no changes: another one may do so now.
    var isDemoted = false
    let socket: SharedSocket<PostgresServerError>
    private var isClosed = false
    /// Whether a statement was sent whose last result has not been taken.
    var hasResultsLeft = false

    private init(_ raw: OpaquePointer, on loop: EventLoop, _ settings: PoolSettings) throws(UVError) {
        unsafe self.raw = unsafe raw
        self.loop = loop
        self.settings = settings
        statements = StatementCache(limit: settings.preparedStatements)
        socket = try SharedSocket(on: loop)
    }

    /// Connects to the first server that will do, and proves who asks, within the time that `settings` give.
    static func open(
        _ target: PostgresTarget, on loop: EventLoop, _ settings: PoolSettings
    ) async throws(PostgresError) -> PostgresConnection {
        let start = EventLoop.preciseNow
        let servers = try await target.resolved(within: settings.connectTimeout)
        return try await connectToFirst(of: servers, since: start, within: settings.connectTimeout) {
            server, deadline throws(PostgresError) in
            let time = max(.zero, EventLoop.preciseNow.duration(to: deadline))
            return try await open(server, on: loop, settings, within: time)
        }
    }

    private static func open(
        _ parameters: [String: String], on loop: EventLoop, _ settings: PoolSettings, within time: Duration
    ) async throws(PostgresError) -> PostgresConnection {
        guard let started = unsafe start(parameters) else { throw .cannotConnect("out of memory") }
        nonisolated(unsafe) let raw = unsafe started  // Nobody else has it.
        let connection: PostgresConnection
        do throws(UVError) {
            connection = try unsafe PostgresConnection(raw, on: loop, settings)
        } catch {
            unsafe PQfinish(raw)
            throw .cannotConnect("\(error)")
        }
        try await connection.connect(within: time)
        return connection
    }

    private static func start(_ parameters: [String: String]) -> OpaquePointer? {
        let pairs = parameters.sorted { $0.key < $1.key }
        return unsafe withCStrings(pairs.map(\.key)) { keys in
            unsafe withCStrings(pairs.map(\.value)) { values in unsafe PQconnectStartParams(keys, values, 0) }
        }
    }

    private func connect(within time: Duration) async throws(PostgresError) {
        socket.arm(time)
        defer { socket.disarm() }
        do throws(PostgresError) {
            try await handshake()
            try await watchForTheClient()
        } catch {
            close()
            throw error
        }
    }

    private func handshake() async throws(PostgresError) {
        unsafe PQsetErrorVerbosity(raw, PQERRORS_VERBOSE)  // With the SQLSTATE, of which libpq tells by no other way.
        var wanted = PGRES_POLLING_WRITING
        if unsafe PQstatus(raw) == CONNECTION_BAD { wanted = PGRES_POLLING_FAILED }
        while wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING {
            try await wait(for: wanted == PGRES_POLLING_READING ? .readable : .writable)
            socket.forgetDescriptor()  // libpq may take another one for its next attempt.
            wanted = unsafe PQconnectPoll(raw)
        }
        guard wanted == PGRES_POLLING_OK, unsafe PQsetnonblocking(raw, 1) == 0 else { throw refusal(message) }
        unsafe PQsetErrorVerbosity(raw, PQERRORS_DEFAULT)
        unsafe PQsetNoticeProcessor(raw, ignoreNotice, nil)
    }

    /// Why there is no connection, by libpq's words; `.connectionLost` if another address may do.
    private func refusal(_ words: String) -> PostgresError {
        let lines = words.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        let reason = lines.map { String($0.drop(while: \.isWhitespace)) }.joined(separator: "; ")
        // libpq itself then says so, before the server can.
        if unsafe PQconnectionNeedsPassword(raw) == 1 { return .accessDenied(reason) }
        guard let state = words.sqlState else { return .connectionLost(reason) }
        switch state {
        case "53300": return .tooManyConnections(reason)
        // PgBouncer has one for all that it refuses.
        case "08P01" where reason.contains("no more connections allowed"): return .tooManyConnections(reason)
        case let state where state.hasPrefix("28"): return .accessDenied(reason)
        case let state where state.hasPrefix("57"): return .connectionLost(reason)  // It starts, or ends.
        default: return .cannotConnect(reason)
        }
    }

    /// Nil where the server cannot.
    var watching: String? {
        unsafe PQserverVersion(raw) >= 140_000 ? "SET client_connection_check_interval = '1s'" : nil
    }

    /// Has the server look, while it works, whether this side is still there: so a query that was given up ends
    /// (PostgreSQL 14 and newer; one that cannot does without).
    private func watchForTheClient() async throws(PostgresError) {
        guard let watching else { return }
        guard unsafe PQsendQuery(raw, watching) == 1 else { throw lose() }
        while try await nextResult() != nil {}
    }

    // MARK: The socket

    /// libpq's last words.
    private var message: String { unsafe String(cString: PQerrorMessage(raw)).trimmed }

    /// Gives the connection up, since it broke.
    func lose() -> PostgresError { socket.fail(.connectionLost(message)) }

    func wait(for events: Poller.Events) async throws(PostgresError) {
        try await socket.wait(for: events, of: unsafe PQsocket(raw))
    }

    /// Sends what libpq has queued, and takes what comes meanwhile, lest both sides wait for each other.
    func flush() async throws(PostgresError) {
        while true {
            let result = unsafe PQflush(raw)
            if result == 0 { return }
            guard result == 1 else { throw lose() }
            try await wait(for: [.readable, .writable])
            guard unsafe PQconsumeInput(raw) == 1 else { throw lose() }
        }
    }

    /// Nil when the query is done.
    func nextResult() async throws(PostgresError) -> PostgresResult? {
        while unsafe PQisBusy(raw) != 0 {
            try await wait(for: .readable)
            guard unsafe PQconsumeInput(raw) == 1 else { throw lose() }
        }
        return unsafe PQgetResult(raw).map { unsafe PostgresResult(owning: $0) }
    }
}

extension PostgresConnection: PooledConnection {
    public typealias ServerError = PostgresServerError

    public var failure: PostgresError? { socket.failure }

    public var isUsable: Bool {
        unsafe !isDemoted && socket.isFree && PQtransactionStatus(raw) == PQTRANS_IDLE && !isStale(PQsocket(raw))
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        socket.close()
        unsafe PQfinish(raw)
    }
}

extension String {
    /// The five characters of the last `FATAL:  28P01: …`.
    fileprivate var sqlState: String? {
        let parts = split(separator: ":  ").dropFirst()
        return parts.last { part in
            let code = part.prefix(5)
            return code.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) }
                && part.dropFirst(5).hasPrefix(": ")
        }.map { String($0.prefix(5)) }
    }
}

private func ignoreNotice(_: UnsafeMutableRawPointer?, _: UnsafePointer<CChar>?) {}

/// Lends C's view of an array of strings, which ends with nil.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies = unsafe strings.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    let pointers: [UnsafePointer<CChar>?] = unsafe copies.map { unsafe UnsafePointer($0) } + [nil]
    return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
}
