import Foundation
import Glibc
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMySQL

/// Whether a query runs whose text begins so.
private func runs(_ start: String, _ mysql: MySQL) async throws -> Bool {
    try await mysql.query(
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE \(start + "%") AND command IN ('Query', 'Execute')"
    ).count > 0
}

/// One that takes a minute, and is known by its mark.
private func slowQuery(_ mark: String) -> SQLQuery {
    "SELECT \(unescaped: mark).seq, SLEEP(1) FROM seq_1_to_60 \(unescaped: mark)"
}

private func failureToConnect(
    to url: String, _ settings: PoolSettings = PoolSettings.patient
) async -> MySQLError? {
    await failure {
        let mysql = try MySQL(url, settings: settings)
        _ = try await mysql.query("SELECT 1")
    } as? MySQLError
}

@Suite(.timeLimit(.minutes(5))) struct MySQLFailureTests {
    @Test func `a server that dies in the midst of a query is an error, and its successor is found`() async throws {
        let server = try await MariaDBServer()
        try await server.start()
        try await withMySQL(server) { mysql in
            try await mysql.query("SELECT 1")
            let query = Task.immediate { try await mysql.query("SELECT SLEEP(60)") }
            try await eventually("the query runs") { try await runs("SELECT SLEEP", mysql) }
            try await server.crash()
            let error = await failure { _ = try await query.value }
            #expect((error as? MySQLError)?.loss != nil)
            let next = await failure { try await mysql.query("SELECT 1") }
            let reason = try #require((next as? MySQLError)?.connectFailure)
            #expect(reason.contains("Can't connect"), "\(reason)")
            try await server.start()
            #expect(try await mysql.query("SELECT 2").count == 1)
            try await server.crash()
        }
    }

    @Test func `a connection that was ended while it rested is not given out again`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 2
        try await withMySQL(nil, settings) { mysql in
            let number: Int = try await mysql.query("SELECT CONNECTION_ID()")[0].decode(at: 0)
            try await mysql.withConnection { _ in
                try await mysql.run(script: "KILL CONNECTION \(number)")
                try await eventually("it has ended") {
                    try await mysql.query("SELECT 1 FROM information_schema.processlist WHERE id = \(number)").isEmpty
                }
            }
            for _ in 0..<5 { #expect(try await mysql.query("SELECT 1").count == 1) }
        }
    }

    @Test(arguments: [false, true])
    func `one that is killed at the server hears of it`(isQueryAlone: Bool) async throws {
        try await withMySQL { mysql in
            try await mysql.withConnection { connection in
                let number: Int = try await connection.query("SELECT CONNECTION_ID()")[0].decode(at: 0)
                let mark = freshName()
                let query = Task.immediate { try await connection.query(slowQuery(mark)) }
                try await eventually("the query runs") { try await runs("SELECT \(mark)", mysql) }
                try await mysql.run(script: "KILL \(isQueryAlone ? "QUERY" : "CONNECTION") \(number)")
                let error = await failure { _ = try await query.value }
                if isQueryAlone {
                    let answer = try #require((error as? MySQLError)?.answer)
                    #expect(answer.code == 1317 && answer.sqlState == "70100")
                    #expect(try await connection.query("SELECT 1").count == 1)
                } else {
                    #expect((error as? MySQLError)?.loss != nil)
                }
            }
        }
    }

    @Test func `a wrong user, a wrong password and none at all are errors of their own`() async throws {
        let server = try await sharedMariaDB.value
        let urls = [
            server.byName.replacing("secret", with: "wrong"), server.byName.replacing("app:", with: "nobody:"),
            server.byName.replacing(":secret", with: ""), server.bySocket.replacing("/shop", with: "/mysql"),
        ]
        try await onLoop { _ in
            for url in urls {
                let error = await failureToConnect(to: url)
                guard case .accessDenied(let text)? = error else {
                    Issue.record("\(url): \(String(describing: error))")
                    continue
                }
                #expect(text.contains("Access denied"), "\(text)")
            }
        }
    }

    @Test func `nobody there is told in words`() async throws {
        let server = try await sharedMariaDB.value
        let urls = [
            (server.byName.replacing("localhost", with: "nobody.invalid"), "nobody.invalid"),
            ("mysql://app@127.0.0.1:1", "127.0.0.1"), ("mysql://app@/?socket=/nothing/here", "/nothing/here"),
        ]
        try await onLoop { _ in
            for (url, reason) in urls {
                let error = await failureToConnect(to: url)
                guard case .cannotConnect(let text)? = error else {
                    Issue.record("\(url): \(String(describing: error))")
                    continue
                }
                #expect(text.contains(reason), "\(text)")
            }
        }
    }

    @Test(arguments: ["DISABLED", "PREFERRED"])
    func `a server that says nothing is given up in time`(mode: String) async throws {
        let listener = try ListeningSocket.open(freshAddress())
        defer { Descriptor.close(listener) }
        let address = try #require(ListeningSocket.localAddress(of: listener))
        var settings = PoolSettings.patient
        settings.connectTimeout = .milliseconds(200)
        try await onLoop { [settings] _ in
            let error = await failureToConnect(to: "mysql://app@\(address)?ssl-mode=\(mode)", settings)
            #expect("\(error, default: "")".contains("cannot connect to the database: no answer within "))
        }
    }

    @Test(arguments: ["DISABLED", "PREFERRED"]) func `a loop ends while a connection is being made`(
        mode: String
    ) async throws {
        let outcome = try await endLoop { address in
            _ = try await MySQL("mysql://app@\(address)/x?ssl-mode=\(mode)", settings: .patient).query("SELECT 1")
        }
        #expect(throws: MySQLError.closed) { try outcome.get() }
    }

    @Test func `who finds all connections lent waits for a time`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        settings.waitTimeout = .seconds(3)
        settings.waiting = 1
        try await withMySQL(nil, settings) { mysql in
            try await mysql.withConnection { _ in
                let waiting = Task.immediate { try await mysql.query("SELECT 1") }
                await #expect(throws: MySQLError.poolExhausted) { try await mysql.query("SELECT 1") }
                await #expect(throws: MySQLError.poolExhausted) { try await waiting.value }
            }
            #expect(try await mysql.query("SELECT 1").count == 1)
        }
    }

    @Test(arguments: [true, false]) func `a query that is cancelled or takes too long ends at the server, too`(
        isCancelled: Bool
    ) async throws {
        var settings = PoolSettings.patient
        if !isCancelled { settings.queryTimeout = .seconds(2) }
        let mark = freshName()
        let server = try await sharedMariaDB.value
        try await withMySQL(server, settings) { mysql in
            let watcher = try MySQL(server.bySocket, settings: .patient)
            let query = Task.immediate { try await mysql.query(slowQuery(mark)) }
            if isCancelled {
                try await eventually("the query runs") { try await runs("SELECT \(mark)", watcher) }
                query.cancel()
            }
            await #expect(throws: isCancelled ? MySQLError.cancelled : .timedOut) { try await query.value }
            try await eventually("the server has ended it") { try await !runs("SELECT \(mark)", watcher) }
            for _ in 0..<5 { #expect(try await mysql.query("SELECT 1").count == 1) }
            await watcher.close()
        }
    }

    @Test(arguments: [false, true]) func `a query that is given up at any moment leaves the client whole`(
        withTLS: Bool
    ) async throws {
        let server = try await sharedMariaDB.value
        let mysql = try MySQL(withTLS ? server.verified : server.bySocket, settings: .patient)
        try await onLoop { _ in
            for moment in 0..<40 {
                let query = Task.immediate {
                    try await mysql.query("SELECT seq, REPEAT('x', 2000) FROM seq_1_to_500 WHERE seq > \(moment)").count
                }
                for _ in 0..<moment { await Task.yield() }
                query.cancel()
                switch await query.result {
                case .success(let count): #expect(count == 500 - moment)
                case .failure(let error): #expect(error as? MySQLError == .cancelled)
                }
                let next: Int = try await mysql.query("SELECT \(moment)")[0].decode(at: 0)
                #expect(next == moment)
            }
        }
        await mysql.close()
    }

    @Test func `who is cancelled while another has his turn takes nothing from it`() async throws {
        try await withMySQL { mysql in
            try await mysql.withConnection { connection in
                let first = Task.immediate { try await connection.query("SELECT SLEEP(0.1), 7") }
                let second = Task.immediate { try await connection.query("SELECT 2") }
                second.cancel()
                await #expect(throws: MySQLError.cancelled) { try await second.value }
                let rows = try await first.value
                #expect(try rows[0].decode(at: 1, as: Int.self) == 7)
                let next = try await connection.query("SELECT 3")
                #expect(next.count == 1)
            }
        }
    }

    @Test func `a transaction that is cancelled leaves nothing behind`() async throws {
        try await withMySQL { mysql in
            let table = freshName()
            try await mysql.run(script: "CREATE TABLE \(table) (id INT)")
            let inserted = Signal()
            let task = Task.immediate {
                try await mysql.transaction { connection in
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (1)")
                    inserted.send()
                    try await connection.query("SELECT SLEEP(60)")
                }
            }
            await inserted.wait()
            task.cancel()
            await #expect(throws: MySQLError.cancelled) { try await task.value }
            #expect(try await mysql.query("SELECT * FROM \(unescaped: table)").isEmpty)
            try await mysql.run(script: "DROP TABLE \(table)")
        }
    }

    @Test func `what is left of a session is not lent to the next`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withMySQL(nil, settings) { mysql in
            for script in ["BEGIN", "SET autocommit = 0"] {
                let number: Int = try await mysql.query("SELECT CONNECTION_ID()")[0].decode(at: 0)
                try await mysql.run(script: script)
                #expect(try await mysql.query("SELECT CONNECTION_ID()")[0].decode(at: 0) != number)
            }
            let number: Int = try await mysql.withConnection { connection in
                try await connection.run(
                    script: """
                        SET @tenant = 7; SET sql_mode = 'ANSI_QUOTES'; SET NAMES latin1; DO GET_LOCK('mine', 0);
                        CREATE TEMPORARY TABLE left_over (id INT)
                        """)
                return try await connection.query("SELECT CONNECTION_ID()")[0].decode(at: 0)
            }
            let left = try await mysql.query(
                "SELECT CONNECTION_ID(), @tenant, @@sql_mode = @@global.sql_mode, IS_USED_LOCK('mine'), \("\u{1F600}")")
            let values = try left[0].decode(Int.self, String?.self, Bool.self, Int?.self, String.self)
            #expect(values == (number, nil, true, nil, "\u{1F600}"))
            await #expect(throws: MySQLError.self) { try await mysql.query("SELECT * FROM left_over") }
        }
    }

    @Test func `a connection whose server only reads any more is not lent again`() async throws {
        let server = try await MariaDBServer()
        try await server.start()
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withMySQL(server, settings) { mysql in
            func session() async throws -> Int { try await mysql.query("SELECT CONNECTION_ID()")[0].decode(at: 0) }
            try await mysql.run(script: "CREATE TABLE t (a INT)")
            let number = try await session()
            try await server.administer("SET GLOBAL read_only = 1")
            #expect(try await session() == number)
            let error = await failure { try await mysql.query("INSERT INTO t VALUES (1)") }
            let answer = try #require((error as? MySQLError)?.answer)
            #expect(answer.code == 1290)
            #expect(try await session() != number)
        }
        try await server.crash()
    }
}
