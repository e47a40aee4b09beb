internal import CMariaDB
public import IgropyrDatabase

extension MySQLConnection: SQLConnection {
    @discardableResult
    public func query(_ query: SQLQuery) async throws(MySQLError) -> SQLRows {
        try await inTurn { () throws(MySQLError) in
            let answer = try await begin(query)
            var rows = SQLRows(columns: answer.columns)
            while try await fetch(of: answer, into: &rows) {
                guard rows.byteCount <= settings.resultLimit else {
                    throw socket.fail(.resultTooLarge(limit: settings.resultLimit))
                }
            }
            rows.affectedRows = answer.affectedRows ?? rows.count
            rows.insertID = answer.insertID
            return rows
        }
    }

    nonisolated public func forEachRow(
        of query: SQLQuery, _ body: (SQLRow) async throws -> Void
    ) async throws {
        try await beginRows(of: query)
        do {
            while let row = try await nextRow() { try await body(row) }
        } catch {
            await end()
            throw error
        }
        await end()
    }

    private func beginRows(of query: SQLQuery) async throws(MySQLError) {
        try await takeTurn()
        do throws(MySQLError) {
            rowByRow = try await begin(query)
            socket.disarm()
        } catch {
            await end()
            throw error
        }
    }

    private func nextRow() async throws(MySQLError) -> SQLRow? {
        guard let answer = rowByRow else { return nil }
        socket.arm(settings.queryTimeout)
        defer { socket.disarm() }
        var rows = SQLRows(columns: answer.columns)
        guard try await fetch(of: answer, into: &rows) else {
            rowByRow = nil
            return nil
        }
        return rows[0]
    }

    /// After a deadlock the server would run it as if there had been no transaction.
    public func run(script: String) async throws(MySQLError) {
        if let rollback, script.prefix(8).uppercased() != "ROLLBACK" { throw .server(rollback) }
        _ = try await command(script)
    }

    public func reset() async throws(MySQLError) {
        try await inTurn { () throws(MySQLError) in
            let context = try whole()
            isAnswering = true
            let status = try await call(Int32(0), context) { status in
                unsafe mysql_reset_connection_start(&status, context.raw)
            } proceed: { status, events in
                unsafe mysql_reset_connection_cont(&status, context.raw, events)
            }
            guard status == 0 else { throw refusal(context) }
            isAnswering = false
            statements = StatementCache(limit: settings.preparedStatements)
            forOnce = nil
            context.freeStatements()
        }
        _ = try await command("SET NAMES utf8mb4; SET autocommit = 1, time_zone = '+00:00'")
    }

    public var isInTransaction: Bool {
        guard let context = try? whole() else { return false }
        return context.status & UInt32(SERVER_STATUS_IN_TRANS) != 0
    }

    /// A transaction that was rolled back for a deadlock, which nobody minded, ends so.
    public func commit() async throws(MySQLError) {
        if let rollback { throw .server(rollback) }
        _ = try await command("COMMIT")
    }

    /// Runs SQL in text, and gives the first row that any of its statements gives; an empty one if none does.
    func command(_ text: String) async throws(MySQLError) -> [String?] {
        try await inTurn { () throws(MySQLError) in
            let context = try whole()
            asked = text
            let text = CText(text)
            isAnswering = true
            var status = try await call(Int32(0), context, keeping: text) { status in
                unsafe mysql_real_query_start(&status, context.raw, text.pointer, UInt(text.count))
            } proceed: { status, events in
                unsafe mysql_real_query_cont(&status, context.raw, events)
            }
            var first: [String?] = []
            while status == 0 {
                let row = try await firstRow(context)
                if first.isEmpty { first = row }
                status = try await call(Int32(0), context) { status in
                    unsafe mysql_next_result_start(&status, context.raw)
                } proceed: { status, events in
                    unsafe mysql_next_result_cont(&status, context.raw, events)
                }
            }
            guard status < 0 else { throw refusal(context) }  // -1: no more results.
            isAnswering = false
            if !isInTransaction { rollback = nil }
            return first
        }
    }

    /// Drops the other rows.
    private func firstRow(_ context: MySQLContext) async throws(MySQLError) -> [String?] {
        guard let result = unsafe context.useResult() else {
            guard unsafe mysql_field_count(context.raw) == 0 else { throw refusal(context) }
            return []
        }
        var first: [String?]?
        while true {
            try await letOthersOn()
            let row = unsafe try await call(MYSQL_ROW?.none, context) { row in
                unsafe mysql_fetch_row_start(&row, result)
            } proceed: { row, events in
                unsafe mysql_fetch_row_cont(&row, result, events)
            }
            guard let row = unsafe row else { break }
            guard first == nil else { continue }
            first = unsafe (0..<Int(mysql_num_fields(result))).map { unsafe row[$0].map { unsafe String(cString: $0) } }
        }
        let isWhole = context.lastError().code == 0
        context.freeResult()
        guard isWhole else { throw refusal(context) }
        return first ?? []
    }

    private func inTurn<Result>(
        _ body: () async throws(MySQLError) -> Result
    ) async throws(MySQLError) -> Result {
        try await takeTurn()
        do throws(MySQLError) {
            let result = try await body()
            await end()
            return result
        } catch {
            await end()
            throw error
        }
    }

    private func takeTurn() async throws(MySQLError) {
        try await socket.takeTurn()
        socket.arm(timeLimit)
    }
}
