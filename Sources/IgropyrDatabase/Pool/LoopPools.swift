public import IgropyrUV

/// The pools of a database's client: each loop has one of its own, so that a handler's query never leaves its thread.
/// Tasks that run on no loop share one more, on a thread that their first query starts. For any thread.
public final class LoopPools<Connection: PooledConnection>: Sendable {
    public typealias Failure = DatabaseError<Connection.ServerError>
    typealias Pool = ConnectionPool<Connection>

    private struct State {
        var pools: [ObjectIdentifier: Pool] = [:]
        var elsewhere: EventLoopThread?
        var isClosed = false
    }

    private let settings: PoolSettings
    private let insight: PoolInsight
    private let open: Pool.Opener
    private let local: LoopLocal<Pool>
    private let state: Locked<State>

    /// `open` makes a connection on the loop in bounded time, and heeds the task's cancellation.
    /// `kind` is what log and metrics call the database if the settings have no name for it.
    public convenience init(
        _ settings: PoolSettings, kind: String,
        open: @escaping @Sendable (EventLoop) async throws(Failure) -> Connection
    ) {
        settings.check()
        self.init(settings, PoolInsight(settings, name: settings.name ?? kind), open)
    }

    /// More of the same server's, with another bound: for who keeps a connection as long as he likes. Log and metrics
    /// tell of both together.
    package convenience init(beside pools: LoopPools, connectionsPerLoop: Int) {
        var settings = pools.settings
        settings.connectionsPerLoop = connectionsPerLoop
        self.init(settings, pools.insight, pools.open)
    }

    private init(_ settings: PoolSettings, _ insight: PoolInsight, _ open: @escaping Pool.Opener) {
        self.settings = settings
        self.insight = insight
        self.open = open
        let state = Locked(State())
        self.state = state
        local = LoopLocal {
            guard let loop = EventLoop.current else { preconditionFailure("made on a loop") }
            let pool = Pool(on: loop, settings, insight, open: open) {
                state.withLock { $0.pools[ObjectIdentifier(loop)] = nil }
            }
            state.withLock { $0.pools[ObjectIdentifier(loop)] = pool }
            return pool
        }
    }

    /// Lends a connection for as long as `body` runs. One that is not whole afterwards, or in a transaction, is
    /// dropped.
    public func withConnection<Result>(_ body: (Connection) async throws -> Result) async throws -> Result {
        let lease = try await lease()
        do {
            let result = try await body(lease.connection)
            await lease.end()
            return result
        } catch {
            await lease.end()
            throw error
        }
    }

    /// A connection that is lent until ``end()`` is called, which must be.
    package struct Lease: Sendable {
        package let connection: Connection
        fileprivate let pool: Pool

        package func end() async { await pool.giveBack(connection) }
    }

    package func lease() async throws -> Lease {
        let pool = try await pool()
        return Lease(connection: try await pool.take(), pool: pool)
    }

    /// Lends nothing any more, and returns when all that was lent is back. Until then that goes on; where
    /// `endingLeases`, who has a connection is told `.closed`. Idempotent.
    public func close(endingLeases: Bool = false) async {
        let (pools, elsewhere) = state.withLock { state in
            state.isClosed = true
            defer { state.elsewhere = nil }
            return (Array(state.pools.values), state.elsewhere)
        }
        for pool in pools { await pool.drain(endingLeases: endingLeases) }
        try? await elsewhere?.stop()
    }

    private func pool() async throws -> Pool {
        guard !state.withLock({ $0.isClosed }) else { throw Failure.closed }
        if let loop = EventLoop.current { return local.value(on: loop) }
        let loop = try loopElsewhere()
        return await withCheckedContinuation { continuation in
            loop.submit { [local] in continuation.resume(returning: local.value(on: loop)) }
        }
    }

    private func loopElsewhere() throws -> EventLoop {
        do {
            return try state.withLock { state in
                if let thread = state.elsewhere { return thread.loop }
                let thread = try EventLoopThread(name: "igropyr-data")
                state.elsewhere = thread
                return thread.loop
            }
        } catch {
            throw Failure.cannotConnect("no thread for it: \(error)")
        }
    }
}
