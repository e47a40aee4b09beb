import Foundation
import Glibc
import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrPostgreSQL

@Suite(.timeLimit(.minutes(5))) struct PostgresFailureTests {
    @Test func `a server that dies in the midst of a query is an error, and its successor is found`() async throws {
        let server = try await PostgresServer()
        try await server.start()
        try await withPostgres(server) { postgres in
            try await postgres.query("SELECT 1")
            let query = Task.immediate { try await postgres.query("SELECT pg_sleep(60)") }
            try await eventually("the query runs") {
                try await postgres.query(
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sl%' AND state = 'active'"
                )
                .count == 1
            }
            try await server.crash()
            let error = await failure { _ = try await query.value }
            #expect((error as? PostgresError)?.loss != nil)
            let next = await failure { try await postgres.query("SELECT 1") }
            let reason = try #require((next as? PostgresError)?.connectFailure)
            #expect(reason.contains("Is the server running"), "\(reason)")
            try await server.start()
            #expect(try await postgres.query("SELECT 2").count == 1)
            try await server.crash()
        }
    }

    @Test func `a query for a client that has gone leaves no line in the log of the application`() async throws {
        let (log, began, ended) = (KeptLog(), Signal(), Signal())
        try await withPostgres { postgres in
            let app = App()
            (app.loops, app.logger) = (1, log.logger)
            app.get("/") { _ async throws in
                defer { ended.send() }
                began.send()
                try await postgres.query("SELECT pg_sleep(60)")
                return ""
            }
            let server = try await app.start()
            try await onLoop { loop in
                let client = try await StreamClient(to: server.address, on: loop)
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await began.wait()
                client.reset()
                await ended.wait()
            }
            try await server.stop()
        }
        #expect(log.entries.isEmpty, "\(log.entries)")
    }

    @Test func `a connection that was ended while it rested is not given out again`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 2
        try await withPostgres(nil, settings) { postgres in
            let pid: Int = try await postgres.query("SELECT pg_backend_pid()")[0].decode(at: 0)
            try await postgres.withConnection { _ in
                _ = try await postgres.query("SELECT pg_terminate_backend(\(pid), 60000)")
            }
            for _ in 0..<5 { #expect(try await postgres.query("SELECT 1").count == 1) }
        }
    }

    @Test func `more connections than the server takes have tasks wait for those that it took`() async throws {
        let server = try await PostgresServer()
        try await server.start()
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 60  // Of 27 that are there for everybody.
        try await withPostgres(server, settings) { postgres in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<60 { group.addTask { _ = try await postgres.query("SELECT pg_sleep(0.01)") } }
                try await group.waitForAll()
            }
        }
        try await server.crash()
    }

    @Test func `a connection whose server only reads any more is not lent again`() async throws {
        let server = try await PostgresServer()
        try await server.start()
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        try await withPostgres(server, settings) { postgres in
            func session() async throws -> Int { try await postgres.query("SELECT pg_backend_pid()")[0].decode(at: 0) }
            try await postgres.run(script: "CREATE TABLE t (a int)")
            let number = try await session()
            try await postgres.run(script: "SET default_transaction_read_only = on")  // As a standby has it.
            #expect(try await session() == number)
            let error = await failure { try await postgres.query("INSERT INTO t VALUES (1)") }
            #expect("\(error, default: "")".contains("25006"))
            #expect(try await session() != number)
            try await postgres.query("INSERT INTO t VALUES (1)")
        }
        try await server.crash()
    }

    @Test func `a wrong password, an unknown database and a text that is no address are told in words`() async throws {
        let server = try await sharedPostgres.value
        try await onLoop { _ in
            let good = try Postgres(server.byName, settings: .patient)
            #expect(try await good.query("SELECT 1").count == 1)
            let urls = [
                (server.byName.replacing("/postgres?", with: "/nothing?"), "does not exist"),
                (server.byName.replacing("localhost", with: "nobody.invalid"), "nobody.invalid"),
                (server.byName.replacing("sslmode=disable", with: "sslmode=require"), "does not support SSL"),
                ("postgres://app@127.0.0.1:1/postgres", "refused"),
            ]
            for (url, reason) in urls {
                let postgres = try Postgres(url)
                let error = await failure { try await postgres.query("SELECT 1") }
                guard case PostgresError.cannotConnect(let text)? = error else {
                    Issue.record("\(url): \(String(describing: error))")
                    continue
                }
                #expect(text.contains(reason), "\(url): \(text)")
            }
            await good.close()
        }
        #expect(throws: PostgresError.self) { try Postgres("host=localhost colour=red") }
    }

    @Test(arguments: [("app:wrong", "password authentication failed"), ("app", "no password supplied")])
    func `a wrong password, or none, is an error of its own, and shown to no other address`(
        user: String, reason: String
    ) async throws {
        let server = try await sharedPostgres.value
        let hosts = "localhost:\(server.port),127.0.0.1:\(server.port)"
        let postgres = try Postgres("postgres://\(user)@\(hosts)/postgres", settings: .patient)
        let error = await failure { try await postgres.query("SELECT 1") }
        let text = try #require((error as? PostgresError)?.denial)
        #expect(text.ranges(of: reason).count == 1 && !text.contains("LOCATION"), "\(text)")
        await postgres.close()
    }

    @Test func `a server that is silent is told with the time that it had`() async {
        let error = await failure {
            _ = try await connectToFirst(of: [1, 2], since: EventLoop.preciseNow, within: .seconds(4)) {
                _, _ throws(PostgresError) -> PostgresConnection in throw .timedOut
            }
        }
        let times = "\(error, default: "")".split(separator: " ").compactMap { Int($0) }
        #expect(times.count == 2 && times[0] <= 2000 && times[1] > times[0], "\(times)")
    }

    @Test func `the log is told once of a server that is away, and when it is back; metrics count`() async throws {
        let server = try await PostgresServer()
        try await server.start()
        let (log, metrics) = (KeptLog(), PrometheusMetrics())
        var settings = PoolSettings.patient
        (settings.logger, settings.metrics, settings.name) = (log.logger, metrics, "shop")
        try await withPostgres(server, settings) { postgres in
            try await postgres.withConnection { connection in
                #expect(metrics.text().contains(#"database_connections{database="shop"} 1"#), "\(metrics.text())")
                try await server.crash()
                _ = await failure { try await connection.query("SELECT 1") }
            }
            #expect(log.count(of: "a connection to the database was lost") == 1)
            for _ in 0..<3 { _ = await failure { try await postgres.query("SELECT 1") } }
            _ = await failure { try await postgres.listen(to: ["jobs"]) { _ in } }
            #expect(log.count(of: "no connection to the database can be made") == 1)
            try await server.start()
            for _ in 0..<3 { try await postgres.query("SELECT 1") }
            #expect(log.count(of: "connected to the database again") == 1)
        }
        let lines = metrics.text().split(separator: "\n")
        for line in [
            #"database_connects_failed_total{database="shop"} 4"#, #"database_connections{database="shop"} 0"#,
        ] {
            #expect(lines.contains { $0 == line }, "\(metrics.text())")
        }
        #expect(lines.contains(#"database_connections_lost_total{database="shop"} 1"#))
        try await server.crash()
    }

    @Test(arguments: [
        "postgres://app:cl%zear@localhost/x", "postgres://app:cl@ear@localhost/x", "postgres://app:cl/ear@localhost/x",
        "postgres://app:clear@[::1/x", "postgres://app:cl ear@[::1]y/x", "host=localhost password=cl ear",
        "host=localhost password=clear colour",
    ]) func `a text that cannot be read is told without the password in it`(text: String) async throws {
        let error = await failure {
            let postgres = try Postgres(text)
            try await postgres.query("SELECT 1")
        }
        let reason = try #require((error as? PostgresError)?.connectFailure)
        #expect(!reason.contains("ear@") && !reason.contains("\"cl") && !reason.contains("ear\""), "\(reason)")
        #expect(reason.contains("%40"))
    }

    @Test func `a server that says nothing is given up in time`() async throws {
        let listener = try ListeningSocket.open(freshAddress())
        defer { Descriptor.close(listener) }
        let address = try #require(ListeningSocket.localAddress(of: listener))
        var settings = PoolSettings.patient
        settings.connectTimeout = .milliseconds(200)
        let postgres = try Postgres("postgres://app@\(address)/x", settings: settings)
        try await onLoop { _ in
            let error = await failure { try await postgres.query("SELECT 1") }
            #expect("\(error, default: "")".contains("cannot connect to the database: no answer within "))
        }
    }

    @Test func `of several servers one that is silent is passed by, and so is one that only reads`() async throws {
        let listener = try ListeningSocket.open(freshAddress())
        defer { Descriptor.close(listener) }
        let silent = try #require(ListeningSocket.localAddress(of: listener))
        let (first, second) = (try await PostgresServer(), try await sharedPostgres.value)
        try await first.start()
        let urls = [
            "postgres://app:secret@nobody.invalid,\(silent),127.0.0.1:\(second.port)/postgres?sslmode=disable",
            "postgres://app:secret@127.0.0.1:\(first.port),\(silent),127.0.0.1:\(second.port)/postgres?sslmode=disable"
                + "&target_session_attrs=read-write",
        ]
        try await onLoop { _ in
            let administrator = try Postgres(first.bySocket, settings: .patient)
            try await administrator.run(script: "ALTER SYSTEM SET default_transaction_read_only = on")
            try await administrator.query("SELECT pg_reload_conf()")
            try await eventually("it only reads") {
                let other = try Postgres(first.bySocket, settings: .patient)
                let isReadOnly = try await other.query("SHOW default_transaction_read_only")[0].decode(
                    at: 0, as: String.self)
                await other.close()
                return isReadOnly == "on"
            }
            await administrator.close()
            for url in urls {
                var settings = PoolSettings.patient
                settings.connectTimeout = .seconds(6)
                let postgres = try Postgres(url, settings: settings)
                let port: Int = try await postgres.query("SELECT inet_server_port()")[0].decode(at: 0)
                #expect(port == Int(second.port))
                await postgres.close()
            }
        }
        try await first.crash()
    }

    @Test func `a loop ends while a connection is being made`() async throws {
        let outcome = try await endLoop { address in
            _ = try await Postgres("postgres://app@\(address)/x", settings: .patient).query("SELECT 1")
        }
        #expect(throws: PostgresError.closed) { try outcome.get() }
    }

    @Test func `who finds all connections lent waits for a time`() async throws {
        var settings = PoolSettings.patient
        settings.connectionsPerLoop = 1
        settings.waitTimeout = .seconds(3)
        settings.waiting = 1
        let log = KeptLog()
        settings.logger = log.logger
        try await withPostgres(nil, settings) { postgres in
            try await postgres.withConnection { _ in
                let waiting = Task.immediate { try await postgres.query("SELECT 1") }
                await #expect(throws: PostgresError.poolExhausted) { try await postgres.query("SELECT 1") }
                await #expect(throws: PostgresError.poolExhausted) { try await waiting.value }
                #expect(log.count { $0.hasPrefix("no connection to the database became free") } == 1)
                let cancelled = Task.immediate { try await postgres.query("SELECT 1") }
                cancelled.cancel()
                await #expect(throws: PostgresError.cancelled) { try await cancelled.value }
            }
            #expect(try await postgres.query("SELECT 1").count == 1)
        }
    }

    @Test(arguments: [true, false]) func `a query that is cancelled or takes too long ends at the server, too`(
        isCancelled: Bool
    ) async throws {
        var settings = PoolSettings.patient
        if !isCancelled { settings.queryTimeout = .seconds(1) }
        let mark = "mark\(UInt32.random(in: 0 ... .max))"
        let server = try await sharedPostgres.value
        try await withPostgres(server, settings) { postgres in
            let watcher = try Postgres(server.bySocket, settings: .patient)
            func runs() async throws -> Bool {
                try await watcher.query(
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE \("SELECT pg_sleep(60) AS \(mark)") AND state = 'active'"
                ).count > 0
            }
            let query = Task.immediate { try await postgres.query("SELECT pg_sleep(60) AS \(unescaped: mark)") }
            if isCancelled {
                try await eventually("the query runs") { try await runs() }
                query.cancel()
            }
            await #expect(throws: isCancelled ? PostgresError.cancelled : .timedOut) { try await query.value }
            try await eventually("the server has ended it") { try await !runs() }
            await watcher.close()
        }
    }

    @Test func `a transaction that is cancelled leaves nothing behind`() async throws {
        try await withPostgres { postgres in
            let table = "c\(UInt32.random(in: 0 ... .max))"
            try await postgres.run(script: "CREATE TABLE \(table) (id int)")
            let inserted = Signal()
            let task = Task.immediate {
                try await postgres.transaction { connection in
                    try await connection.query("INSERT INTO \(unescaped: table) VALUES (1)")
                    inserted.send()
                    try await connection.query("SELECT pg_sleep(60)")
                }
            }
            await inserted.wait()
            task.cancel()
            await #expect(throws: PostgresError.cancelled) { try await task.value }
            #expect(try await postgres.query("SELECT * FROM \(unescaped: table)").isEmpty)
            try await postgres.run(script: "DROP TABLE \(table)")
        }
    }
}
