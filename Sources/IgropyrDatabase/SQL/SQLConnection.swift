/// A session with a server that speaks SQL, lent by ``SQLDatabase``; an actor of its loop. Queries of several tasks
/// take turns.
public protocol SQLConnection: PooledConnection {
    typealias Failure = DatabaseError<ServerError>

    /// Runs a statement and gives its rows. It is prepared at its first use, and kept for the next.
    @discardableResult
    func query(_ query: SQLQuery) async throws(Failure) -> SQLRows

    /// Runs a statement, and calls `body` with one row after the other, however many there are: the server waits
    /// meanwhile. If `body` throws, the rest of the rows goes, and the connection with it. The time of a query, and
    /// the size of a result, are those of each row here.
    nonisolated func forEachRow(of query: SQLQuery, _ body: (SQLRow) async throws -> Void) async throws

    /// Runs several statements, separated by `;`, and drops what rows they give: a change of the schema.
    func run(script: String) async throws(Failure)

    /// Whether the server has a transaction open.
    var isInTransaction: Bool { get }

    /// For ``transaction(_:)``.
    var parts: SQLTransactionParts { get set }

    /// Has the server forget what was set, locked or made for the session; not to be called in a transaction.
    func reset() async throws(Failure)

    /// For ``transaction(_:)``: throws if the server has rolled back what it was to commit.
    func commit() async throws(Failure)
}

extension SQLConnection {
    /// Runs `body` in a transaction, which is rolled back if it throws. Within another one only what `body` did is
    /// (`SAVEPOINT`), and who catches what it throws may go on.
    /// - Throws: what `body` throws; a ``DatabaseError`` if the server does not commit; `.unsupported` while another
    ///   task has one open on this connection.
    @discardableResult
    nonisolated public func transaction<Result>(_ body: (Self) async throws -> Result) async throws -> Result {
        let number = try await begin()
        do {
            let result = try await SQLTransactionParts.$entered.withValue(
                SQLTransactionParts.entered.union([number])
            ) { try await isInTransaction ? part(body) : whole(body) }
            await end(number)
            return result
        } catch {
            await end(number)
            throw error
        }
    }

    private func begin() throws(Failure) -> UInt64 {
        guard let number = parts.begin() else {
            throw .unsupported("a second transaction at once on one connection: lend another, or wait for the first,")
        }
        return number
    }

    private func end(_ number: UInt64) { parts.end(number) }

    nonisolated private func whole<Result>(_ body: (Self) async throws -> Result) async throws -> Result {
        try await run(script: "BEGIN")
        do {
            let result = try await body(self)
            try await commit()
            return result
        } catch {
            if await isInTransaction { await undo("ROLLBACK") }
            throw error
        }
    }

    nonisolated private func part<Result>(_ body: (Self) async throws -> Result) async throws -> Result {
        // A name of its own: MySQL drops the savepoint that had the same one.
        let savepoint = "igropyr\(UInt64.random(in: 0 ... .max))"
        try await run(script: "SAVEPOINT \(savepoint)")
        do {
            let result = try await body(self)
            try await run(script: "RELEASE SAVEPOINT \(savepoint)")
            return result
        } catch {
            await undo("ROLLBACK TO SAVEPOINT \(savepoint); RELEASE SAVEPOINT \(savepoint)")
            throw error
        }
    }

    /// Where that fails, as it does in a task that was cancelled, nobody may go on with what is half done.
    nonisolated private func undo(_ script: String) async {
        do { try await run(script: script) } catch { await close() }
    }

    /// As new, or closed.
    func renew() async {
        guard isUsable else { return }
        do { try await reset() } catch { close() }
    }
}
