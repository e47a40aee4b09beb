import Foundation
import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrPostgreSQL

private struct User: Codable, Equatable {
    var id: Int
    var name: String
    var score: Double?
    var active: Bool
}

@Suite(.timeLimit(.minutes(5))) struct PostgresTests {
    @Test func `values go to the server as parameters, and come back as they were`() async throws {
        try await withPostgres { postgres in
            let text = "a'); DROP TABLE users; -- \u{1F600}\n"
            let bytes = [UInt8](0...255)
            let rows = try await postgres.query(
                """
                SELECT \(Int.min)::int8 AS i, \(-0.1)::float8 AS d, \(true)::bool AS b, \(text)::text AS t,
                       \(bytes)::bytea AS y, \(String?.none)::text AS n, ''::text AS e
                """)
            let row = try #require(rows.first)
            #expect(rows.columns.names == ["i", "d", "b", "t", "y", "n", "e"])
            let (i, d, b, t) = try row.decode(Int.self, Double.self, Bool.self, String.self)
            #expect(i == Int.min && d == -0.1 && b && t == text)
            #expect(try row.decode("y") == bytes)
            #expect(try row.decode("n", as: String?.self) == nil && row.decode("e") == "")
            #expect(throws: SQLDecodingError.self) { try row.decode("n", as: String.self) }
            #expect(throws: SQLDecodingError.self) { try row.decode("t", as: Int.self) }
        }
    }

    @Test func `a UUID is a value, alone and in a type`() async throws {
        struct Thing: Codable, Equatable { var id: UUID }
        let thing = Thing(id: UUID())
        try await withPostgres { postgres in
            let rows = try await postgres.query(
                "SELECT \(thing.id)::uuid AS id, \(UUID?.none)::uuid AS none, 'x' AS text")
            #expect(try rows.decode(Thing.self) == [thing])
            #expect(try rows[0].decode("id", as: UUID.self) == thing.id)
            #expect(try rows[0].decode("none", as: UUID?.self) == nil)
            #expect(throws: SQLDecodingError.self) { try rows[0].decode("text", as: UUID.self) }
        }
    }

    @Test(arguments: ["UTC", "Asia/Kolkata"]) func `a time is the same moment, whatever the session's time zone`(
        zone: String
    ) async throws {
        struct Visit: Codable, Equatable {
            var at: Date
            var gone: Date?
        }
        let times = [-62_135_596_800, -0.000001, 0, 1_709_251_199.123456, 253_402_300_799.5].map {
            Date(timeIntervalSince1970: $0)
        }
        try await withPostgres { postgres in
            try await postgres.withConnection { connection in
                try await connection.run(
                    script: """
                        SET TIME ZONE '\(zone)'; CREATE TEMP TABLE v (at timestamptz, clock timestamp, day date);
                        """)
                for time in times {
                    try await connection.query("INSERT INTO v VALUES (\(time), \(time), \(time))")
                    let rows = try await connection.query(
                        "SELECT at, NULL::timestamptz AS gone, clock, day FROM v")
                    #expect(try rows.decode(Visit.self) == [Visit(at: time, gone: nil)])
                    #expect(try rows[0].decode("clock") == time)
                    #expect(try rows[0].decode("day", as: Date.self) <= time)
                    let found = try await connection.query("DELETE FROM v WHERE at = \(time) AND clock = \(time)")
                    #expect(found.affectedRows == 1)
                }
            }
            let odd = try await postgres.query("SELECT 'infinity'::timestamptz")
            #expect(throws: SQLDecodingError.self) { try odd[0].decode(at: 0, as: Date.self) }
            let late = Date(timeIntervalSince1970: 253_402_300_800)
            await #expect(throws: PostgresError.invalidParameter("parameter 1 is not of the years 1 to 9999")) {
                try await postgres.query("SELECT \(late)::timestamptz")
            }
        }
    }

    @Test func `a decimal number keeps each of its digits`() async throws {
        try await withPostgres { postgres in
            for text in [
                "0.1", "-12345678901234567890.123456789012345678", "99999999999999999999999999999999999999", "0",
            ] {
                let number = try #require(Decimal(string: text))
                let row = try await postgres.query("SELECT \(number)::numeric AS n, \(number)::text AS t")[0]
                #expect(try row.decode("n") == number && row.decode("t") == text)
            }
            let row = try await postgres.query("SELECT 1.50::numeric(10, 4), 1e40::numeric + 1, 'NaN'::numeric")[0]
            #expect(try row.decode(at: 0) == Decimal(string: "1.5"))
            for column in 1...2 {
                #expect(throws: SQLDecodingError.self) { try row.decode(at: column, as: Decimal.self) }
            }
        }
    }

    @Test func `an array goes and comes as one value, and serves to ask for several rows`() async throws {
        struct Box: Codable, Equatable {
            var numbers: [Int]
            var words: [String?]
            var ids: [UUID]
            var times: [Date]
            var sums: [Decimal]
            var flags: [Bool]
            var none: [Int]?
        }
        let box = Box(
            numbers: [1, .min, .max], words: ["", "a, \"b\" \\ {c}", nil, "NULL", "\u{e4}\n"], ids: [UUID(), UUID()],
            times: [Date(timeIntervalSince1970: 0.5)], sums: [Decimal(string: "0.1")!, -2], flags: [true, false],
            none: nil)
        try await withPostgres { postgres in
            let rows = try await postgres.query(
                """
                SELECT \(box.numbers)::int8[] AS numbers, \(box.words)::text[] AS words, \(box.ids)::uuid[] AS ids,
                       \(box.times)::timestamptz[] AS times, \(box.sums)::numeric[] AS sums,
                       \(box.flags)::bool[] AS flags, \(box.none)::int8[] AS none, \([String]())::text[] AS empty,
                       ARRAY[[1], [2]] AS deep
                """)
            #expect(try rows.decode(Box.self) == [box])
            #expect(try rows[0].decode("empty", as: [String].self) == [])
            #expect(throws: SQLDecodingError.self) { try rows[0].decode("words", as: [String].self) }
            #expect(throws: SQLDecodingError.self) { try rows[0].decode("deep", as: [Int].self) }
            let some = try await postgres.query("SELECT n FROM generate_series(1, 9) n WHERE n = ANY(\([2, 3, 20]))")
            #expect(try some.decode(Int.self) == [2, 3])
            await #expect(throws: PostgresError.self) { try await postgres.query("SELECT \(["a\0"])::text[]") }
        }
    }

    @Test func `rows are values of a type`() async throws {
        try await withPostgres { postgres in
            try await postgres.withConnection { connection in
                try await connection.run(
                    script: "CREATE TEMP TABLE users (id int8, name text, score float8, active bool); SELECT 1;")
                let users = [
                    User(id: 1, name: "Ada", score: 1.5, active: true),
                    User(id: 2, name: "", score: nil, active: false),
                ]
                for user in users {
                    let rows = try await connection.query(
                        "INSERT INTO users VALUES (\(user.id), \(user.name), \(user.score), \(user.active))")
                    #expect(rows.affectedRows == 1 && rows.isEmpty)
                }
                let rows = try await connection.query("SELECT * FROM users ORDER BY id")
                #expect(try rows.decode(User.self) == users)
                #expect(
                    try await connection.query("SELECT name FROM users ORDER BY id").decode(String.self) == ["Ada", ""])
                let wrong = try await connection.query("SELECT id FROM users")
                #expect(throws: DecodingError.self) { try wrong.decode(User.self) }
            }
        }
    }

    @Test func `a statement is prepared once, and anew when its table has changed`() async throws {
        var settings = PoolSettings.patient
        settings.preparedStatements = 3
        try await withPostgres(nil, settings) { postgres in
            try await postgres.withConnection { connection in
                func names() async throws -> Int {
                    try await connection.query("SELECT count(*) FROM pg_prepared_statements")[0].decode(at: 0)
                }
                for number in 0..<10 {
                    let sum: Int = try await connection.query("SELECT \(number)::int + 1")[0].decode(at: 0)
                    #expect(sum == number + 1)
                }
                #expect(try await names() == 2)
                for number in 0..<10 { try await connection.query("SELECT \(unescaped: "\(number)")") }
                #expect(try await names() == 3)
                try await connection.run(script: "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1)")
                #expect(try await connection.query("SELECT * FROM t").columns.names == ["a"])
                try await connection.run(script: "ALTER TABLE t ADD b text")
                #expect(try await connection.query("SELECT * FROM t").columns.names == ["a", "b"])
                try await connection.run(script: "DEALLOCATE ALL")
                #expect(try await connection.query("SELECT * FROM t").columns.names == ["a", "b"])
            }
        }
    }

    @Test func `a transaction that fails since its table has changed succeeds when it is tried again`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withPostgres(nil, settings) { postgres in
            let table = "t\(UInt32.random(in: 0 ... .max))"
            try await postgres.run(script: "CREATE TABLE \(table) (a int)")
            func columns() async throws -> [String] {
                try await postgres.transaction { connection in
                    try await connection.query("SELECT * FROM \(unescaped: table)").columns.names
                }
            }
            #expect(try await columns() == ["a"])
            try await postgres.run(script: "ALTER TABLE \(table) ADD b text")
            guard case PostgresError.server(let error)? = await failure({ _ = try await columns() }) else {
                Issue.record("the statement is as it was before")
                return
            }
            #expect(error.sqlState == "0A000")
            #expect(try await columns() == ["a", "b"])
            let names = try await postgres.query(
                "SELECT 1 FROM pg_prepared_statements WHERE statement LIKE '%\(unescaped: table)'")
            #expect(names.count == 1)
            try await postgres.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `a transaction whose statement somebody has dropped succeeds when it is tried again`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withPostgres(nil, settings) { postgres in
            func one() async throws -> Int {
                try await postgres.transaction { connection in try await connection.query("SELECT 1")[0].decode(at: 0) }
            }
            #expect(try await one() == 1)
            try await postgres.run(script: "DEALLOCATE ALL")
            guard case PostgresError.server(let error)? = await failure({ _ = try await one() }) else {
                Issue.record("the statement is there yet")
                return
            }
            #expect(error.sqlState == "26000")
            #expect(try await one() == 1)
        }
    }

    @Test func `what the server refuses is told by its state, and the connection is as before`() async throws {
        try await withPostgres { postgres in
            try await postgres.withConnection { connection in
                try await connection.run(script: "CREATE TEMP TABLE u (id int CONSTRAINT only_one UNIQUE)")
                try await connection.query("INSERT INTO u VALUES (\(1))")
                let error = await #expect(throws: PostgresError.self) {
                    try await connection.query("INSERT INTO u VALUES (\(1))")
                }
                guard case .server(let answer) = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(answer.sqlState == "23505" && answer.constraint == "only_one" && answer.detail != nil)
                let syntax = await #expect(throws: PostgresError.self) {
                    try await connection.query(
                        "SELECT nam FROM\n(SELECT 1 AS name) AS t WHERE 'secret' = \("secret word")")
                }
                let text = "\(syntax, default: "")"
                let statement = "SELECT nam FROM (SELECT 1 AS name) AS t WHERE 'secret' = $1"
                #expect(text.contains("42703") && text.hasSuffix("at character 8 of: \(statement)"), "\(text)")
                #expect(text.contains("Perhaps you meant to reference the column") && !text.contains("secret word"))
                let script = await #expect(throws: PostgresError.self) { try await connection.run(script: "SELEKT") }
                #expect("\(script, default: "")".hasSuffix(": SELEKT"))
                #expect(try await connection.query("SELECT count(*) FROM u")[0].decode(at: 0, as: Int.self) == 1)
            }
        }
    }

    @Test func `a transaction is kept whole or not at all`() async throws {
        try await withPostgres { postgres in
            let table = "t\(UInt32.random(in: 0 ... .max))"
            try await postgres.run(script: "CREATE TABLE \(table) (id int UNIQUE)")
            func count() async throws -> Int {
                try await postgres.query("SELECT count(*) FROM \(unescaped: table)")[0].decode(at: 0)
            }
            try await postgres.transaction { connection in
                for id in 1...2 { try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(id))") }
            }
            #expect(try await count() == 2)
            await #expect(throws: CancellationError.self) {
                try await postgres.transaction { connection in
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(3))")
                    throw CancellationError()
                }
            }
            #expect(try await count() == 2)
            // One that ignores an error finds out at the end.
            await #expect(throws: PostgresError.self) {
                try await postgres.transaction { connection in
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(4))")
                    _ = try? await connection.query("INSERT INTO \(unescaped: table) VALUES (\(1))")
                }
            }
            #expect(try await count() == 2)
            try await postgres.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `a transaction within another is undone alone, or with it`() async throws {
        try await withPostgres { postgres in
            let table = "t\(UInt32.random(in: 0 ... .max))"
            try await postgres.run(script: "CREATE TABLE \(table) (id int UNIQUE)")
            let insert = { (connection: PostgresConnection, id: Int) in
                _ = try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(id))")
            }
            await #expect(throws: CancellationError.self) {
                try await postgres.transaction { connection in
                    try await insert(connection, 1)
                    try await connection.transaction { try await insert($0, 2) }
                    throw CancellationError()
                }
            }
            #expect(try await postgres.query("SELECT * FROM \(unescaped: table)").isEmpty)
            try await postgres.transaction { connection in
                try await insert(connection, 3)
                await #expect(throws: PostgresError.self) {
                    try await connection.transaction {
                        try await insert($0, 4)
                        try await $0.transaction { try await insert($0, 5) }
                        try await insert($0, 3)  // Is there already.
                    }
                }
                try await connection.transaction { try await insert($0, 6) }
            }
            let rows = try await postgres.query("SELECT id FROM \(unescaped: table) ORDER BY id")
            #expect(try rows.decode(Int.self) == [3, 6])
            try await postgres.run(script: "DROP TABLE \(table)")
        }
    }

    @Test
    func `of two tasks that open a transaction on one connection the second is refused, not mixed with the first`()
        async throws
    {
        try await withPostgres { postgres in
            try await postgres.withConnection { connection in
                try await connection.run(script: "CREATE TEMP TABLE t (id int)")
                let insert = { @Sendable (id: Int) in _ = try await connection.query("INSERT INTO t VALUES (\(id))") }
                try await connection.transaction { _ in
                    try await insert(1)
                    let stranger = Task.detached { try await connection.transaction { _ in try await insert(2) } }
                    guard case PostgresError.unsupported? = await failure({ try await stranger.value }) else {
                        Issue.record("another's part of the transaction")
                        return
                    }
                    // Parts of the task that is in it, and of its children, one after the other.
                    try await connection.transaction { _ in try await insert(3) }
                    async let child: Void = connection.transaction { inner in
                        let other = await failure { try await inner.transaction { _ in try await insert(4) } }
                        #expect(other == nil)
                    }
                    try await child
                }
                try await connection.transaction { _ in try await insert(5) }
                let rows = try await connection.query("SELECT id FROM t ORDER BY id")
                #expect(try rows.decode(Int.self) == [1, 3, 4, 5])
            }
        }
    }

    @Test func `nobody goes on with a transaction of which a part was cancelled and could not be undone`() async throws
    {
        try await withPostgres { postgres in
            let table = "t\(UInt32.random(in: 0 ... .max))"
            try await postgres.run(script: "CREATE TABLE \(table) (id int)")
            await #expect(throws: PostgresError.closed) {
                try await postgres.transaction { connection in
                    let part = Task.immediate {
                        try await connection.transaction { connection in
                            try await connection.query("INSERT INTO \(unescaped: table) VALUES (1)")
                            withUnsafeCurrentTask { $0?.cancel() }
                            throw CancellationError()
                        }
                    }
                    await #expect(throws: CancellationError.self) { try await part.value }
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (2)")
                }
            }
            #expect(try await postgres.query("SELECT * FROM \(unescaped: table)").isEmpty)
            try await postgres.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `what is left of a session is not lent to the next`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withPostgres(nil, settings) { postgres in
            let number: Int = try await postgres.withConnection { connection in
                try await connection.run(
                    script: """
                        SET search_path = nowhere; SET client_connection_check_interval = 0; LISTEN orders;
                        SELECT pg_advisory_lock(7); CREATE TEMP TABLE mine (id int);
                        """)
                return try await connection.query("SELECT pg_backend_pid()")[0].decode(at: 0)
            }
            let left = try await postgres.query(
                """
                SELECT pg_backend_pid(), current_setting('search_path'),
                    current_setting('client_connection_check_interval'), to_regclass('mine')::text,
                    (SELECT count(*) FROM pg_listening_channels()),
                    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
                """)[0].decode(Int.self, String.self, String.self, String?.self, Int.self, Int.self)
            #expect(left == (number, #""$user", public"#, "1s", nil, 0, 0))
            // One whose task was cancelled could not be made as new.
            let task = Task.immediate {
                try await postgres.withConnection { connection in
                    try await connection.query("SET search_path = nowhere")
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            try await task.value
            #expect(
                try await postgres.query("SELECT current_setting('search_path')").decode(String.self)[0] != "nowhere")
        }
    }

    @Test func `queries of several tasks share the pool, and those on one connection take turns`() async throws {
        try await withPostgres { postgres in
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...100 {
                    group.addTask { try await postgres.query("SELECT \(number)::int")[0].decode(at: 0) }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 5050)
            try await postgres.withConnection { connection in
                async let slow = connection.query("SELECT pg_sleep(0.05), 1")
                async let fast = connection.query("SELECT 2")
                let (one, two) = try await (slow, fast)
                #expect(try one[0].decode(at: 1, as: Int.self) == 1 && two[0].decode(at: 0, as: Int.self) == 2)
            }
        }
    }

    @Test func `without statements that are kept, it is the same behind one who parts transactions from sessions`()
        async throws
    {
        var settings = PoolSettings.patient
        settings.preparedStatements = 0
        try await sharedPostgres.value.withBouncer { [settings] url in
            let postgres = try Postgres(url, settings: settings)
            try await onLoop { _ in
                let sums = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                    for number in 1...100 {
                        group.addTask {
                            try await postgres.query("SELECT \(number)::int, \(number)::int + 1")[0].decode(
                                Int.self, Int.self)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(sums.count == 100 && sums.allSatisfy { $0.1 == $0.0 + 1 })
            }
            await postgres.close()
        }
    }

    @Test func `who is told that the server takes no more connections waits for those that there are`() async throws {
        // PgBouncer counts whoever has come, those that it is about to refuse, too: so it refuses all that come at
        // once.
        var settings = PoolSettings.patient
        settings.preparedStatements = 0
        try await sharedPostgres.value.withBouncer(clients: 2) { [settings] url in
            let postgres = try Postgres(url, settings: settings)
            try await onLoop { _ in
                let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 1...20 {
                        group.addTask { try await postgres.query("SELECT \(number)::int")[0].decode(at: 0) }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(sum == 210)
            }
            await postgres.close()
        }
    }

    @Test func `text with NUL is refused before it is sent`() async throws {
        try await withPostgres { postgres in
            await #expect(
                throws: PostgresError.invalidParameter(
                    "parameter 1 is text with NUL, which PostgreSQL cannot hold")
            ) {
                try await postgres.query("SELECT \("a\0b")")
            }
            await #expect(throws: PostgresError.self) { try await postgres.query(SQLQuery(unescaped: "SELECT 1\0")) }
            let again = try await postgres.query("SELECT 1")
            #expect(again.count == 1)
        }
    }

    @Test func `a huge row is an error though rows are looked at one by one, the first as well as a later one`()
        async throws
    {
        var settings = PoolSettings.patient
        settings.resultLimit = 1 << 20
        settings.connectionsPerLoop = 1
        try await withPostgres(nil, settings) { postgres in
            for huge in [1, 3] {
                let query: SQLQuery =
                    "SELECT n, repeat('x', CASE n WHEN \(huge) THEN 2000000 ELSE 900000 END) FROM generate_series(1, 4) AS n"
                var seen: [Int] = []
                await #expect(throws: PostgresError.resultTooLarge(limit: 1 << 20)) {
                    try await postgres.forEachRow(of: query) { row in seen.append(try row.decode("n")) }
                }
                #expect(seen == Array(1..<huge))
            }
            let again = try await postgres.query("SELECT 1")
            #expect(again.count == 1)
        }
    }

    @Test func `a huge result is an error, or comes row by row`() async throws {
        var settings = PoolSettings.patient
        settings.resultLimit = 1 << 20
        try await withPostgres(nil, settings) { postgres in
            let query: SQLQuery = "SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) AS n"
            await #expect(throws: PostgresError.resultTooLarge(limit: 1 << 20)) { try await postgres.query(query) }
            var sum = 0
            try await postgres.forEachRow(of: query) { row in sum += try row.decode("n") }
            #expect(sum == 20_000 * 20_001 / 2)
            // Who stops in the middle costs the connection, not the client.
            await #expect(throws: CancellationError.self) {
                try await postgres.forEachRow(of: query) { _ in throw CancellationError() }
            }
            let again = try await postgres.query("SELECT 1")
            #expect(again.count == 1)
        }
    }

    @Test func `large values go both ways`() async throws {
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }  // Takes time: not on the loop.
        try await withPostgres { postgres in
            let rows = try await postgres.query("SELECT \(bytes)::bytea")
            #expect(try rows[0].decode(at: 0) == bytes)
        }
    }

    @Test func `one that COPYs is told that this is not for him`() async throws {
        try await withPostgres { postgres in
            await #expect(throws: PostgresError.unsupported("COPY")) {
                try await postgres.run(script: "COPY (SELECT 1) TO STDOUT")
            }
            let again = try await postgres.query("SELECT 1")
            #expect(again.count == 1)
        }
    }

    @Test func `tasks without a loop may ask, too`() async throws {
        let postgres = try Postgres(try await sharedPostgres.value.bySocket)
        let again = try await postgres.query("SELECT 1")
        #expect(again.count == 1)
        await postgres.close()
        await #expect(throws: PostgresError.closed) { try await postgres.query("SELECT 1") }
    }

    @Test func `handlers of a server ask on their own loops, and its end closes the connections`() async throws {
        let postgres = try Postgres(try await sharedPostgres.value.bySocket)
        let app = App()
        app.loops = 2
        app.get("/sum/:a/:b") { request async throws in
            let (a, b) = (request.parameters["a"] ?? "", request.parameters["b"] ?? "")
            return try await postgres.query("SELECT \(a)::int + \(b)::int")[0].decode(at: 0, as: String.self)
        }
        app.get("/broken") { _ async throws in "\(try await postgres.query("SELECT broken FROM nothing").count)" }
        let server = try await app.start()
        let broken = try await run(["curl", "-si", "http://\(server.address)/broken"])
        #expect(broken.output.contains(" 500 ") && !broken.output.contains("nothing"), "what is for the log alone")
        for number in 0..<20 {
            let page = try await run(["curl", "-s", "http://\(server.address)/sum/\(number)/1"])
            #expect(page.output == "\(number + 1)")
        }
        try await server.stop()  // Would throw if a handle were left open.
        await postgres.close()
    }
}
