import Foundation
import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMySQL

private struct User: Codable, Equatable {
    var id: Int
    var name: String
    var score: Double?
    var active: Bool
}

/// An expression in SQL, and the text that a value of its type comes as.
private let expressions: [(sql: String, text: String?)] = [
    ("CAST(-9223372036854775808 AS SIGNED)", "-9223372036854775808"),
    ("18446744073709551615", "18446744073709551615"),
    ("1e0 / 3", "0.3333333333333333"), ("5e0", "5"), ("1e300", "1e+300"),
    ("CAST('12345678901234567890.123456789' AS DECIMAL(40, 9))", "12345678901234567890.123456789"),
    ("CAST('2024-02-29' AS DATE)", "2024-02-29"), ("CAST('-26:01:02.5' AS TIME(1))", "-26:01:02.5"),
    ("CAST('2024-02-29 23:59:59.123456' AS DATETIME(6))", "2024-02-29 23:59:59.123456"),
    ("TIMESTAMP '1999-12-31 00:00:00'", "1999-12-31 00:00:00"), ("TRUE", "1"), ("b'101' + 0", "5"),
    ("JSON_OBJECT('a', 1)", "{\"a\": 1}"), ("'\u{1F600}'", "\u{1F600}"), ("''", ""), ("NULL", nil),
    ("REPEAT('x', 128)", String(repeating: "x", count: 128)), ("REPEAT('x', 129)", String(repeating: "x", count: 129)),
]

@Suite(.timeLimit(.minutes(5))) struct MySQLTests {
    @Test func `values go to the server as parameters, and come back as they were`() async throws {
        try await withMySQL { mysql in
            let text = "a'); DROP TABLE users; -- \u{1F600}\0\n?"
            let bytes = [UInt8](0...255)
            let rows = try await mysql.query(
                """
                SELECT \(Int.min) AS i, \(UInt64.max) AS u, \(-0.1) AS d, \(true) AS b, \(text) AS t,
                       \(bytes) AS y, \(String?.none) AS n, \("") AS e, \([UInt8]()) AS z
                """)
            let row = try #require(rows.first)
            #expect(rows.columns.names == ["i", "u", "d", "b", "t", "y", "n", "e", "z"])
            let (i, u, d, b, t) = try row.decode(Int.self, UInt64.self, Double.self, Bool.self, String.self)
            #expect(i == Int.min && u == UInt64.max && d == -0.1 && b && t == text)
            #expect(try row.decode("y") == bytes)
            #expect(try row.decode("n", as: String?.self) == nil && row.decode("e") == "" && row.decode("z") == "")
            #expect(throws: SQLDecodingError.self) { try row.decode("n", as: String.self) }
            #expect(throws: SQLDecodingError.self) { try row.decode("u", as: Int.self) }
        }
    }

    @Test func `a UUID is a value, alone and in a type`() async throws {
        struct Thing: Codable, Equatable { var id: UUID }
        let thing = Thing(id: UUID())
        try await withMySQL { mysql in
            let rows = try await mysql.query("SELECT \(thing.id) AS id, \(UUID?.none) AS none, 'x' AS text")
            #expect(try rows.decode(Thing.self) == [thing])
            #expect(try rows[0].decode("id", as: UUID.self) == thing.id)
            #expect(try rows[0].decode("none", as: UUID?.self) == nil)
            #expect(throws: SQLDecodingError.self) { try rows[0].decode("text", as: UUID.self) }
        }
    }

    @Test func `a time is the same moment, and a decimal number keeps each of its digits`() async throws {
        struct Entry: Codable, Equatable {
            var at: Date
            var stamp: Date
            var sum: Decimal
            var gone: Date?
        }
        let number = try #require(Decimal(string: "-12345678901234567890.123456789012345678"))
        let times = [1.5, 1_709_251_199.123456, 2_147_483_647].map { Date(timeIntervalSince1970: $0) }
        try await withMySQL { mysql in
            try await mysql.withConnection { connection in
                try await connection.run(
                    script: """
                        CREATE TEMPORARY TABLE v (at DATETIME(6), stamp TIMESTAMP(6) NULL, sum DECIMAL(38, 18),
                        gone DATETIME, day DATE)
                        """)
                for time in times {
                    let entry = Entry(at: time, stamp: time, sum: number, gone: nil)
                    try await connection.query(
                        "INSERT INTO v VALUES (\(entry.at), \(entry.stamp), \(entry.sum), \(entry.gone), \(entry.at))")
                    let rows = try await connection.query("SELECT * FROM v")
                    #expect(try rows.decode(Entry.self) == [entry])
                    #expect(try rows[0].decode("day", as: Date.self) <= time)
                    let found = try await connection.query(
                        "DELETE FROM v WHERE at = \(time) AND stamp = \(time) AND sum = \(number)")
                    #expect(found.affectedRows == 1)
                }
                // As numbers with a fraction of two to the power of something, they would be the same.
                try await connection.query("INSERT INTO v (sum) VALUES (\(number))")
                let near = try #require(Decimal(string: "-12345678901234567890.123456789012345679"))
                #expect(try await connection.query("SELECT 1 FROM v WHERE sum = \(near)").isEmpty)
                for time in [-62_135_596_800, 253_402_300_799.5].map({ Date(timeIntervalSince1970: $0) }) {
                    #expect(try await connection.query("SELECT CAST(\(time) AS DATETIME(6))")[0].decode(at: 0) == time)
                }
                let zone = "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW())"
                #expect(try await connection.query("\(unescaped: zone)")[0].decode(at: 0) == 0)
            }
            await #expect(throws: MySQLError.self) { try await mysql.query("SELECT \([1, 2])") }
            await #expect(throws: MySQLError.self) { try await mysql.query("SELECT \(Decimal.nan)") }
        }
    }

    @Test func `a value of each type comes as the server writes it`() async throws {
        try await withMySQL { mysql in
            for (sql, text) in expressions {
                let rows = try await mysql.query("SELECT \(unescaped: sql)")
                #expect(try rows[0].decode(at: 0, as: String?.self) == text, "\(sql)")
            }
        }
    }

    @Test func `columns of each type hold what was put there`() async throws {
        try await withMySQL { mysql in
            try await mysql.withConnection { connection in
                try await connection.run(
                    script: """
                        CREATE TEMPORARY TABLE v (t TINYINT, ut TINYINT UNSIGNED, s SMALLINT UNSIGNED, m MEDIUMINT, i INT,
                        ui INT UNSIGNED, b BIGINT UNSIGNED, f FLOAT, d DOUBLE, c DECIMAL(10, 3), bits BIT(10), flag BIT,
                        y YEAR, e ENUM('x', 'y'), word VARCHAR(20), long_text LONGTEXT, raw VARBINARY(10), big LONGBLOB,
                        at TIMESTAMP(3), j JSON)
                        """)
                let long = String(repeating: "\u{e4}", count: 100_000)
                let big = [UInt8](repeating: 0, count: 70_000)
                try await connection.query(
                    """
                    INSERT INTO v VALUES (\(-128), \(255), \(65535), \(-8_388_608), \(Int32.min), \(4_294_967_295),
                    \(UInt64.max), \(0.1), \(Double.pi), \("1234567.891"), \(1023), \(true), \(2155), \("y"), \("\u{df}"),
                    \(long), \([0, 255] as [UInt8]), \(big), \("2024-02-29 12:00:00.5"), \("[1]"))
                    """)
                let rows = try await connection.query("SELECT * FROM v")
                let row = rows[0]
                let names = ["t", "ut", "s", "m", "i", "ui", "bits", "flag", "y"]
                let numbers = try names.map { try row.decode($0, as: Int.self) }
                #expect(numbers == [-128, 255, 65535, -8_388_608, Int(Int32.min), 4_294_967_295, 1023, 1, 2155])
                #expect(try row.decode("b") == UInt64.max && row.decode("f") == 0.1 && row.decode("d") == Double.pi)
                #expect(try row.decode("flag", as: Bool.self))
                let texts = try ["c", "e", "word", "at", "j"].map { try row.decode($0, as: String.self) }
                #expect(texts == ["1234567.891", "y", "\u{df}", "2024-02-29 12:00:00.500", "[1]"])
                #expect(try row.decode("long_text") == long && row.decode("raw") == [UInt8]([0, 255]))
                #expect(try row.decode("big") == big)
            }
        }
    }

    @Test func `rows are values of a type`() async throws {
        try await withMySQL { mysql in
            try await mysql.withConnection { connection in
                try await connection.run(
                    script: """
                        CREATE TEMPORARY TABLE users
                            (id BIGINT AUTO_INCREMENT PRIMARY KEY, name TEXT, score DOUBLE, active BOOL);
                        SELECT 1; SELECT 'a', 'b' UNION SELECT 'c', 'd'
                        """)
                let users = [
                    User(id: 1, name: "Ada", score: 1.5, active: true),
                    User(id: 2, name: "", score: nil, active: false),
                ]
                for user in users {
                    let rows = try await connection.query(
                        "INSERT INTO users (name, score, active) VALUES (\(user.name), \(user.score), \(user.active))")
                    #expect(rows.affectedRows == 1 && rows.isEmpty && rows.insertID == UInt64(user.id))
                }
                let rows = try await connection.query("SELECT * FROM users ORDER BY id")
                #expect(try rows.decode(User.self) == users)
                #expect(rows.affectedRows == 2 && rows.insertID == nil)
                let names = try await connection.query("SELECT name FROM users ORDER BY id").decode(String.self)
                #expect(names == ["Ada", ""])
                let wrong = try await connection.query("SELECT id FROM users")
                #expect(throws: DecodingError.self) { try wrong.decode(User.self) }
                #expect(try await connection.query("UPDATE users SET score = \(2) WHERE id > \(0)").affectedRows == 2)
            }
        }
    }

    @Test func `a statement is prepared once, and the one used longest ago goes`() async throws {
        var settings = PoolSettings.patient
        settings.preparedStatements = 3
        try await withMySQL(nil, settings) { mysql in
            try await mysql.withConnection { connection in
                func count(_ name: String) async throws -> Int {
                    // Not prepared, so that it counts nothing of its own.
                    Int(try await connection.command("SHOW SESSION STATUS LIKE '\(name)'")[1] ?? "") ?? -1
                }
                let prepared = try await count("Com_stmt_prepare")
                for number in 0..<10 {
                    let sum: Int = try await connection.query("SELECT \(number) + 1")[0].decode(at: 0)
                    #expect(sum == number + 1)
                }
                #expect(try await count("Com_stmt_prepare") == prepared + 1)
                let closed = try await count("Com_stmt_close")
                for number in 0..<10 { try await connection.query("SELECT \(unescaped: "\(number)")") }
                #expect(try await count("Com_stmt_prepare") == prepared + 11)
                #expect(try await count("Com_stmt_close") == closed + 8)
            }
        }
    }

    @Test func `without room for statements each is prepared for once`() async throws {
        var settings = PoolSettings.patient
        settings.preparedStatements = 0
        settings.resultLimit = .max
        try await withMySQL(nil, settings) { mysql in
            try await mysql.withConnection { connection in
                for number in 0..<10 {
                    #expect(try await connection.query("SELECT \(number)")[0].decode(at: 0) == number)
                }
                let open = try await connection.command("SHOW SESSION STATUS LIKE 'Com_stmt_%e'")
                #expect(open[0] == "Com_stmt_close" && open[1] == "9")
            }
        }
    }

    @Test func `a statement is prepared anew when its table has changed`() async throws {
        try await withMySQL { mysql in
            let table = freshName()
            try await mysql.withConnection { connection in
                func names() async throws -> [String] {
                    try await connection.query("SELECT * FROM \(unescaped: table)").columns.names
                }
                try await connection.run(script: "CREATE TABLE \(table) (a INT); INSERT INTO \(table) VALUES (1)")
                #expect(try await names() == ["a"])
                try await connection.run(script: "ALTER TABLE \(table) ADD b TEXT")
                #expect(try await names() == ["a", "b"])
                try await connection.run(script: "ALTER TABLE \(table) RENAME COLUMN b TO c, MODIFY a TEXT")
                #expect(try await names() == ["a", "c"])
                #expect(try await connection.query("SELECT * FROM \(unescaped: table)")[0].decode("a") == "1")
                try await connection.run(script: "ALTER TABLE \(table) DROP c")
                #expect(try await names() == ["a"])
                try await connection.run(script: "DROP TABLE \(table)")
            }
        }
    }

    /// libmariadb cannot read what comes then, and a statement that writes is not to be run twice.
    @Test func `one that writes and gives rows of other columns than before costs the connection`() async throws {
        try await withMySQL { mysql in
            let table = freshName()
            try await mysql.run(script: "CREATE TABLE \(table) (a INT)")
            try await mysql.withConnection { connection in
                func insert() async throws {
                    try await connection.query("INSERT INTO \(unescaped: table) (a) VALUES (\(1)) RETURNING *")
                }
                try await insert()
                try await mysql.run(script: "ALTER TABLE \(table) ADD b TEXT")
                let error = await failure { try await insert() }
                #expect((error as? MySQLError)?.loss != nil)
            }
            #expect(try await mysql.query("SELECT * FROM \(unescaped: table)").count == 2)
            try await mysql.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `what the server refuses is told by its code, and the connection is as before`() async throws {
        try await withMySQL { mysql in
            try await mysql.withConnection { connection in
                try await connection.run(script: "CREATE TEMPORARY TABLE u (id INT UNIQUE)")
                try await connection.query("INSERT INTO u VALUES (\(1))")
                let error = await failure { try await connection.query("INSERT INTO u VALUES (\(1))") }
                let answer = try #require((error as? MySQLError)?.answer)
                #expect(answer.code == 1062 && answer.sqlState == "23000" && answer.message.contains("Duplicate entry"))
                let syntax = await failure { try await connection.query("SELEKT \("secret word")") }
                let text = "\(syntax, default: "")"
                #expect(
                    text.contains("1064") && text.hasSuffix("; in: SELEKT ?") && !text.contains("secret"), "\(text)")
                let script = await failure { try await connection.run(script: "SELECT 1; SELEKT; DROP TABLE u") }
                #expect("\(script, default: "")".hasSuffix("; in: SELECT 1; SELEKT; DROP TABLE u"))
                let local = await failure {
                    try await connection.run(script: "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE u")
                }
                #expect("\(local, default: "")".contains("local infile"))
                #expect(try await connection.query("SELECT COUNT(*) FROM u")[0].decode(at: 0, as: Int.self) == 1)
            }
        }
    }

    @Test func `values and places are to be as many, and a statement is one alone`() async throws {
        try await withMySQL { mysql in
            let error = await failure { try await mysql.query("SELECT ? + \(1)") }
            guard case MySQLError.invalidParameter? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let mark: String = try await mysql.query("SELECT '?'")[0].decode(at: 0)
            #expect(mark == "?")
            let two = await failure { try await mysql.query("SELECT 1; SELECT 2") }
            #expect("\(two, default: "")".contains("1064"))
        }
    }

    @Test func `a transaction is kept whole or not at all`() async throws {
        try await withMySQL { mysql in
            let table = freshName()
            try await mysql.run(script: "CREATE TABLE \(table) (id INT UNIQUE)")
            func count() async throws -> Int {
                try await mysql.query("SELECT COUNT(*) FROM \(unescaped: table)")[0].decode(at: 0)
            }
            try await mysql.transaction { connection in
                for id in 1...2 { try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(id))") }
                #expect(await connection.isInTransaction)
            }
            #expect(try await count() == 2)
            await #expect(throws: CancellationError.self) {
                try await mysql.transaction { connection in
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(3))")
                    throw CancellationError()
                }
            }
            #expect(try await count() == 2)
            await #expect(throws: MySQLError.self) {
                try await mysql.transaction { connection in
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(4))")
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(1))")
                }
            }
            #expect(try await count() == 2)
            try await mysql.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `a transaction within another is undone alone, or with it`() async throws {
        try await withMySQL { mysql in
            let table = freshName()
            try await mysql.run(script: "CREATE TABLE \(table) (id INT UNIQUE)")
            let insert = { (connection: MySQLConnection, id: Int) in
                _ = try await connection.query("INSERT INTO \(unescaped: table) VALUES (\(id))")
            }
            await #expect(throws: CancellationError.self) {
                try await mysql.transaction { connection in
                    try await insert(connection, 1)
                    try await connection.transaction { try await insert($0, 2) }
                    throw CancellationError()
                }
            }
            #expect(try await mysql.query("SELECT * FROM \(unescaped: table)").isEmpty)
            try await mysql.transaction { connection in
                try await insert(connection, 3)
                await #expect(throws: MySQLError.self) {
                    try await connection.transaction {
                        try await insert($0, 4)
                        try await $0.transaction { try await insert($0, 5) }
                        try await insert($0, 3)  // Is there already.
                    }
                }
                try await connection.transaction { try await insert($0, 6) }
            }
            let rows = try await mysql.query("SELECT id FROM \(unescaped: table) ORDER BY id")
            #expect(try rows.decode(Int.self) == [3, 6])
            try await mysql.run(script: "DROP TABLE \(table)")
        }
    }

    /// MariaDB rolls all back for a deadlock, and would run what follows as if nothing had been.
    @Test func `a transaction that lost a deadlock does not go on, even if nobody minds`() async throws {
        try await withMySQL { mysql in
            let table = freshName()
            try await mysql.run(
                script: "CREATE TABLE \(table) (id INT PRIMARY KEY, n INT); INSERT INTO \(table) VALUES (1, 0), (2, 0)")
            let hasFirst = Signal()
            let hasSecond = Signal()
            let other = Task.immediate {
                try await mysql.transaction { connection in
                    // Who has written more is spared.
                    try await connection.query("INSERT INTO \(unescaped: table) SELECT seq, 0 FROM seq_100_to_200")
                    try await connection.query("UPDATE \(unescaped: table) SET n = 1 WHERE id = 2")
                    hasSecond.send()
                    await hasFirst.wait()
                    try await connection.query("UPDATE \(unescaped: table) SET n = 1 WHERE id = 1")
                }
            }
            await hasSecond.wait()
            let error = await failure {
                try await mysql.transaction { connection in
                    try await connection.query("UPDATE \(unescaped: table) SET n = 2 WHERE id = 1")
                    hasFirst.send()
                    _ = try? await connection.query("UPDATE \(unescaped: table) SET n = 2 WHERE id = 2")
                    let late = await failure {
                        try await connection.query("INSERT INTO \(unescaped: table) VALUES (99, 0)")
                    }
                    #expect("\(late, default: "")".contains("Deadlock"))
                    let script = await failure {
                        try await connection.run(script: "INSERT INTO \(table) VALUES (98, 0)")
                    }
                    #expect("\(script, default: "")".contains("Deadlock"))
                    let part = await failure {
                        try await connection.transaction {
                            _ = try await $0.query("INSERT INTO \(unescaped: table) VALUES (97, 0)")
                        }
                    }
                    #expect("\(part, default: "")".contains("Deadlock"))
                }
            }
            let answer = try #require((error as? MySQLError)?.answer)
            #expect(answer.code == 1213)
            try await other.value
            let rows = try await mysql.query("SELECT n FROM \(unescaped: table) WHERE id < 100")
            #expect(try rows.decode(Int.self) == [1, 1])
            try await mysql.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `queries of several tasks share the pool, and those on one connection take turns`() async throws {
        try await withMySQL { mysql in
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...100 {
                    group.addTask { try await mysql.query("SELECT \(number)")[0].decode(at: 0) }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 5050)
            try await mysql.withConnection { connection in
                async let slow = connection.query("SELECT SLEEP(0.05), 1")
                async let fast = connection.query("SELECT 2")
                let (one, two) = try await (slow, fast)
                #expect(try one[0].decode(at: 1, as: Int.self) == 1 && two[0].decode(at: 0, as: Int.self) == 2)
            }
        }
    }

    @Test func `a huge result is an error, or comes row by row`() async throws {
        var settings = PoolSettings.patient
        settings.resultLimit = 1 << 20
        try await withMySQL(nil, settings) { mysql in
            let query: SQLQuery = "SELECT seq AS n, REPEAT('x', 1000) FROM seq_1_to_20000"
            await #expect(throws: MySQLError.resultTooLarge(limit: 1 << 20)) { try await mysql.query(query) }
            await #expect(throws: MySQLError.resultTooLarge(limit: 1 << 20)) {
                try await mysql.query("SELECT REPEAT('x', 3000000)")
            }
            var sum = 0
            try await mysql.forEachRow(of: query) { row in sum += try row.decode("n") }
            #expect(sum == 20_000 * 20_001 / 2)
            // Who stops in the middle costs the connection, not the client.
            await #expect(throws: CancellationError.self) {
                try await mysql.forEachRow(of: query) { _ in throw CancellationError() }
            }
            #expect(try await mysql.query("SELECT 1").count == 1)
        }
    }

    @Test func `large values go both ways`() async throws {
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let many = [UInt8](repeating: 0, count: 17 << 20)
        try await withMySQL { mysql in
            let rows = try await mysql.query("SELECT \(bytes)")
            #expect(try rows[0].decode(at: 0) == bytes)
            // More than the server takes (max_allowed_packet, 16 MiB): it ends the session.
            let error = await failure { try await mysql.query("SELECT \(many)") }
            #expect((error as? MySQLError)?.loss != nil)
            #expect(try await mysql.query("SELECT 1").count == 1)
        }
    }

    @Test func `a procedure gives its first result`() async throws {
        try await withMySQL { mysql in
            let name = freshName()
            try await mysql.run(
                script: "CREATE PROCEDURE \(name)(x INT) BEGIN SELECT x; SELECT x, 2 UNION SELECT 3, 4; END")
            for _ in 0..<3 {
                let rows = try await mysql.query("CALL \(unescaped: name)(\(7))")
                #expect(try rows.decode(Int.self) == [7])
            }
            try await mysql.run(script: "DROP PROCEDURE \(name)")
        }
    }

    @Test func `tasks without a loop may ask, too`() async throws {
        let mysql = try MySQL(try await sharedMariaDB.value.bySocket, settings: .patient)
        #expect(try await mysql.query("SELECT 1").count == 1)
        await mysql.close()
        await #expect(throws: MySQLError.closed) { try await mysql.query("SELECT 1") }
    }

    @Test func `handlers of a server ask on their own loops, and its end closes the connections`() async throws {
        let mysql = try MySQL(try await sharedMariaDB.value.bySocket, settings: .patient)
        let app = App()
        app.loops = 2
        app.get("/sum/:a/:b") { request async throws in
            let (a, b) = (request.parameters["a"] ?? "", request.parameters["b"] ?? "")
            let rows = try await mysql.query("SELECT CAST(\(a) AS INT) + CAST(\(b) AS INT)")
            return try rows[0].decode(at: 0, as: String.self)
        }
        let server = try await app.start()
        for number in 0..<20 {
            let page = try await run(["curl", "-s", "http://\(server.address)/sum/\(number)/1"])
            #expect(page.output == "\(number + 1)")
        }
        try await server.stop()  // Would throw if a handle were left open.
        await mysql.close()
    }
}
