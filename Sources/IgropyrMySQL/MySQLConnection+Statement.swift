internal import CMariaDB
internal import IgropyrDatabase

// One statement: prepared, run, its rows fetched.

extension MySQLConnection {
    /// Prepares a statement, unless it was, and runs it; ``fetch(of:into:)`` is to follow until there are no more rows.
    func begin(_ query: SQLQuery) async throws(MySQLError) -> MySQLAnswer {
        if let rollback { throw .server(rollback) }
        let parameters = try MySQLParameters(query.values)
        let text = query.text { _ in "?" }
        asked = text
        let context = try whole()
        var statement = try await prepare(text, context)
        if try await !execute(statement, text, parameters, context) {
            if statements.remove(text) == nil { forOnce = nil }
            try await close(statement, context)  // Takes what is left of its answer.
            statement = try await prepare(text, context)
            guard try await execute(statement, text, parameters, context) else {
                throw socket.fail(.connectionLost("a statement that was just prepared was not run"))
            }
        }
        guard statement.columnCount > 0 else {
            let insertID = unsafe mysql_stmt_insert_id(statement.raw)
            return unsafe MySQLAnswer(
                statement: statement, affectedRows: Int(clamping: mysql_stmt_affected_rows(statement.raw)),
                insertID: insertID == 0 ? nil : insertID)
        }
        do throws(MySQLError) {
            return MySQLAnswer(statement: statement, reader: try MySQLRowReader(statement, in: context))
        } catch { throw socket.fail(error) }
    }

    /// Adds the next row. False if there is none: then the answer has been taken whole.
    func fetch(of answer: MySQLAnswer, into rows: inout SQLRows) async throws(MySQLError) -> Bool {
        let context = try whole()
        if let reader = answer.reader, try await fetch(answer.statement, reader, context) {
            reader.append(to: &rows)
            return true
        }
        try await takeOtherResults(of: answer.statement, context)
        isAnswering = false
        if !isInTransaction { rollback = nil }
        return false
    }

    /// What the server said, as an error; where that leaves the connection of no use, it fails.
    func refusal(_ context: MySQLContext, _ statement: MySQLStatement? = nil) -> MySQLError {
        let error = context.failure(of: statement)
        guard case .server(let unnamed) = error else { return socket.fail(error) }
        let answer = unnamed.of(asked)
        isAnswering = false
        if answer.isRollback, isInTransaction { rollback = answer }
        if answer.isOfReplica { isDemoted = true }
        return .server(answer)
    }

    private func prepare(_ sql: String, _ context: MySQLContext) async throws(MySQLError) -> MySQLStatement {
        if let statement = statements.find(sql) { return statement }
        if let old = forOnce {
            forOnce = nil
            try await close(old, context)
        }
        let statement = try context.makeStatement()
        let text = CText(sql)
        isAnswering = true
        let status = try await call(Int32(0), context, keeping: text) { status in
            unsafe mysql_stmt_prepare_start(&status, statement.raw, text.pointer, UInt(text.count))
        } proceed: { status, events in
            unsafe mysql_stmt_prepare_cont(&status, statement.raw, events)
        }
        guard status == 0 else {
            let error = refusal(context, statement)
            if case .server = error { try await close(statement, context) }
            throw error
        }
        isAnswering = false
        try await keep(statement, for: sql, context)
        return statement
    }

    private func keep(
        _ statement: MySQLStatement, for text: String, _ context: MySQLContext
    ) async throws(MySQLError) {
        guard let old = statements.insert(statement, for: text) else { return }
        if old === statement { forOnce = statement } else { try await close(old, context) }
    }

    /// False if the statement is to be prepared anew, since it was not run, or did nothing but read.
    private func execute(
        _ statement: MySQLStatement, _ text: String, _ parameters: MySQLParameters, _ context: MySQLContext
    ) async throws(MySQLError) -> Bool {
        guard statement.parameterCount == parameters.count else {
            throw .invalidParameter(
                "the statement has \(statement.parameterCount) places for \(parameters.count) values: write \\(value), not ?"
            )
        }
        guard parameters.bind(to: statement) else { throw refusal(context, statement) }
        isAnswering = true
        let status = try await call(Int32(0), context, keeping: parameters) { status in
            unsafe mysql_stmt_execute_start(&status, statement.raw)
        } proceed: { status, events in
            unsafe mysql_stmt_execute_cont(&status, statement.raw, events)
        }
        guard status != 0 else { return true }
        let error = context.lastError(of: statement)
        // It was run, but libmariadb cannot read rows of another number of columns.
        if error.code == Int(CR_NEW_STMT_METADATA), text.prefix(6).uppercased() == "SELECT" { return false }
        if error.isOfStatement { return false }
        throw refusal(context, statement)
    }

    /// False if there is no row any more.
    private func fetch(
        _ statement: MySQLStatement, _ reader: MySQLRowReader?, _ context: MySQLContext
    ) async throws(MySQLError) -> Bool {
        try await letOthersOn()
        let status = try await call(Int32(0), context, keeping: reader) { status in
            unsafe mysql_stmt_fetch_start(&status, statement.raw)
        } proceed: { status, events in
            unsafe mysql_stmt_fetch_cont(&status, statement.raw, events)
        }
        switch status {
        case 0, MYSQL_DATA_TRUNCATED: return true  // Long values are fetched by themselves.
        case MYSQL_NO_DATA: return false
        default: throw refusal(context, statement)  // MYSQL_DATA_MALFORMED, too.
        }
    }

    /// What procedures give beside their first result: nobody has asked for it.
    private func takeOtherResults(of statement: MySQLStatement, _ context: MySQLContext) async throws(MySQLError) {
        while unsafe mysql_stmt_more_results(statement.raw) != 0 {
            let status = try await call(Int32(0), context) { status in
                unsafe mysql_stmt_next_result_start(&status, statement.raw)
            } proceed: { status, events in
                unsafe mysql_stmt_next_result_cont(&status, statement.raw, events)
            }
            guard status == 0 else { throw refusal(context, statement) }
            if statement.columnCount > 0 { while try await fetch(statement, nil, context) {} }
        }
    }

    private func close(_ statement: MySQLStatement, _ context: MySQLContext) async throws(MySQLError) {
        context.giveUp(statement)
        _ = try await call(my_bool(0), context) { status in
            unsafe mysql_stmt_close_start(&status, statement.raw)
        } proceed: { status, events in
            unsafe mysql_stmt_close_cont(&status, statement.raw, events)
        }
    }
}
