internal import CPostgreSQL
public import IgropyrDatabase

extension PostgresConnection: SQLConnection {
    @discardableResult
    public func query(_ query: SQLQuery) async throws(PostgresError) -> SQLRows {
        var part = try await begin(query)
        defer { end() }
        var rows = SQLRows(columns: part?.columns ?? [])
        while let result = part {
            result.appendRows(to: &rows)
            rows.affectedRows = result.affectedRows
            try checkSize(of: rows)
            part = try await nextPart()
        }
        return rows
    }

    nonisolated public func forEachRow(
        of query: SQLQuery, _ body: (SQLRow) async throws -> Void
    ) async throws {
        var rows = try await firstRows(of: query)
        do {
            while let some = rows {
                for row in some { try await body(row) }
                rows = try await nextRows(of: some.columns)
            }
        } catch {
            await end()
            throw error
        }
        await end()
    }

    private func firstRows(of query: SQLQuery) async throws(PostgresError) -> SQLRows? {
        let part = try await begin(query)
        socket.disarm()
        guard let part else { return nil }
        do throws(PostgresError) { return try rows(of: part, SQLColumns(part.columns)) } catch {
            end()
            throw error
        }
    }

    private func nextRows(of columns: SQLColumns) async throws(PostgresError) -> SQLRows? {
        socket.arm(settings.queryTimeout)
        defer { socket.disarm() }
        guard let part = try await nextPart() else { return nil }
        return try rows(of: part, columns)
    }

    /// One row, which libpq holds whole; or none, of a part that is the end.
    private func rows(of part: PostgresResult, _ columns: SQLColumns) throws(PostgresError) -> SQLRows {
        var rows = SQLRows(columns: columns)
        part.appendRows(to: &rows)
        try checkSize(of: rows)
        return rows
    }

    private func checkSize(of rows: SQLRows) throws(PostgresError) {
        guard rows.byteCount <= settings.resultLimit else {
            throw socket.fail(.resultTooLarge(limit: settings.resultLimit))
        }
    }

    public func run(script: String) async throws(PostgresError) { _ = try await command(script) }

    /// As `DISCARD ALL` has it, but for the statements that are prepared.
    public func reset() async throws(PostgresError) {
        _ = try await command(
            """
            CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); \
            DISCARD TEMP; DISCARD SEQUENCES; \(watching ?? "")
            """)
    }

    public var isInTransaction: Bool { unsafe socket.failure == nil && PQtransactionStatus(raw) != PQTRANS_IDLE }

    /// A transaction in which a statement failed that nobody minded ends so.
    public func commit() async throws(PostgresError) {
        guard try await command("COMMIT") == "COMMIT" else { throw .server(.rolledBack) }
    }
}

// MARK: - Notifications

extension PostgresConnection {
    /// The connection serves for nothing else from then on.
    func listen(to channels: [String]) async throws(PostgresError) {
        for channel in channels {
            _ = try await command("LISTEN \"\(channel.replacing("\"", with: "\"\""))\"")
        }
    }

    /// The next message, however long that takes.
    func nextNotification() async throws(PostgresError) -> PostgresNotification {
        try await socket.takeTurn()
        defer { socket.endTurn() }
        while true {
            try socket.checkIsWhole()
            if let notification = takeNotification() { return notification }
            try await wait(for: .readable)
            guard unsafe PQconsumeInput(raw) == 1 else { throw lose() }
        }
    }

    private func takeNotification() -> PostgresNotification? {
        guard let message = unsafe PQnotifies(raw) else { return nil }
        defer { unsafe PQfreemem(message) }
        return unsafe .message(
            channel: String(cString: message.pointee.relname), payload: String(cString: message.pointee.extra))
    }
}

// MARK: - One statement

extension PostgresConnection {
    /// Waits for its turn and sends a statement; ``end()`` is to follow unless it throws.
    /// - Returns: what comes first of the result.
    private func begin(_ query: SQLQuery) async throws(PostgresError) -> PostgresResult? {
        let parameters = try PostgresParameters(query.values)
        let text = query.text { "$\($0)" }
        guard !text.utf8.contains(0) else { throw .invalidParameter("the statement holds NUL") }
        try await takeTurn(for: text)
        do throws(PostgresError) {
            return try await start(text, parameters)
        } catch {
            let isDropped = error.sqlState == "26000"
            guard isDropped || error.sqlState == "0A000", let name = statements.remove(text) else {
                end()
                throw error
            }
            if !isDropped { obsolete.append(name) }  // Its table has changed. To drop one again fails a transaction.
            guard !isInTransaction else {  // Which has failed with it.
                end()
                throw error
            }
            do throws(PostgresError) {
                return try await start(text, parameters)
            } catch {
                end()
                throw error
            }
        }
    }

    private func start(_ text: String, _ parameters: PostgresParameters) async throws(PostgresError) -> PostgresResult?
    {
        if settings.preparedStatements == 0 {
            guard unsafe parameters.send(to: raw, text: text) else { throw lose() }
        } else {
            let name = try await prepare(text)
            guard unsafe parameters.send(to: raw, statement: name) else { throw lose() }
        }
        unsafe PQsetSingleRowMode(raw)
        return try await firstPart()
    }

    /// The name of the statement, which is prepared now unless it was; that which was used longest ago may go for it.
    private func prepare(_ text: String) async throws(PostgresError) -> String {
        if let name = statements.find(text) { return name }
        // A transaction that has failed forgets nothing.
        while unsafe PQtransactionStatus(raw) != PQTRANS_INERROR, let old = obsolete.popLast() { try await forget(old) }
        statementCount += 1
        let name = "igropyr\(statementCount)"
        guard unsafe PQsendPrepare(raw, name, text, 0, nil) == 1 else { throw lose() }
        _ = try await firstPart()
        while try await nextPart() != nil {}
        if let old = statements.insert(name, for: text) { try await forget(old) }
        return name
    }

    private func forget(_ name: String) async throws(PostgresError) {
        guard unsafe PQsendQuery(raw, "DEALLOCATE \(name)") == 1 else { throw lose() }
        do throws(PostgresError) {
            _ = try await firstPart()
            while try await nextPart() != nil {}
        } catch .server {
            return  // It is gone already.
        }
    }

    /// Runs SQL without parameters, and gives what the server says of the last statement, such as `COMMIT`.
    private func command(_ text: String) async throws(PostgresError) -> String {
        guard !text.utf8.contains(0) else { throw .invalidParameter("the statement holds NUL") }
        try await takeTurn(for: text)
        defer { end() }
        guard unsafe PQsendQuery(raw, text) == 1 else { throw lose() }
        unsafe PQsetSingleRowMode(raw)
        var part = try await firstPart()
        var command = ""
        while let result = part {
            command = result.command
            part = try await nextPart()
        }
        return command
    }

    private func takeTurn(for text: String) async throws(PostgresError) {
        try await socket.takeTurn()
        asked = text
        socket.arm(settings.queryTimeout)
    }

    /// A connection on whose results nobody waits any more is of no use.
    private func end() {
        socket.disarm()
        if hasResultsLeft { _ = socket.fail(.connectionLost("a query was given up before its last row")) }
        socket.endTurn()
    }

    private func firstPart() async throws(PostgresError) -> PostgresResult? {
        hasResultsLeft = true
        try await flush()
        return try await nextPart()
    }

    /// The next row, or the end of a statement; nil when there is no more.
    private func nextPart() async throws(PostgresError) -> PostgresResult? {
        guard let result = try await nextResult() else {
            hasResultsLeft = false
            return nil
        }
        switch result.status {
        case PGRES_SINGLE_TUPLE, PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return result
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH: throw socket.fail(.unsupported("COPY"))
        default: throw try await refusal(result)
        }
    }

    /// What follows an error is of no account.
    private func refusal(_ result: PostgresResult) async throws(PostgresError) -> PostgresError {
        let error = result.error
        guard !result.isFatal else { return socket.fail(.connectionLost(error.message)) }
        while try await nextResult() != nil {}
        hasResultsLeft = false
        if error.isOfStandby { isDemoted = true }
        return .server(error.of(asked))
    }
}

extension PostgresError {
    fileprivate var sqlState: String? { if case .server(let error) = self { error.sqlState } else { nil } }
}

extension PostgresServerError {
    fileprivate static let rolledBack = PostgresServerError(
        sqlState: "25P02", message: "rolled back: a statement of the transaction had failed", detail: nil, hint: nil,
        constraint: nil, position: nil, statement: nil)
}
