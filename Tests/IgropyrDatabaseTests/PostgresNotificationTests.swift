import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrPostgreSQL

@Suite(.timeLimit(.minutes(5))) struct PostgresNotificationTests {
    @Test func `who listens hears what is sent on his channels, until he leaves`() async throws {
        try await withPostgres { postgres in
            let odd = "odd \"channel\" \u{e4}"
            let heard = try await postgres.listen(to: ["jobs", odd]) { notifications in
                for channel in ["jobs", "others", odd] {
                    try await postgres.query("SELECT pg_notify(\(channel), \("for \(channel)"))")
                }
                var heard: [PostgresNotification] = []
                for try await notification in notifications {
                    heard.append(notification)
                    if heard.count == 2 { break }
                }
                return heard
            }
            let expected = ["jobs", odd].map { PostgresNotification.message(channel: $0, payload: "for \($0)") }
            #expect(heard == expected)
            await #expect(throws: PostgresError.self) { try await postgres.listen(to: []) { _ in } }
        }
    }

    @Test func `who listens is told that the connection broke, and hears what is sent on the next`() async throws {
        let server = try await PostgresServer()
        try await server.start()
        try await withPostgres(server) { postgres in
            try await postgres.listen(to: ["jobs"]) { notifications in
                let reader = notifications.makeAsyncIterator()
                try await server.crash()
                try await server.start()
                #expect(try await reader.next() == .reconnected)
                try await postgres.query("NOTIFY jobs")
                #expect(try await reader.next() == .message(channel: "jobs", payload: ""))
            }
        }
        try await server.crash()
    }

    @Test func `who listens where nobody is there any more ends with his task, as one who is heard`() async throws {
        let server = try await PostgresServer()
        try await server.start()
        let log = KeptLog()
        var settings = PoolSettings.patient
        settings.logger = log.logger
        try await withPostgres(server, settings) { postgres in
            let task = Task {
                try await postgres.listen(to: ["jobs"]) { notifications in
                    try await server.crash()
                    return try await notifications.makeAsyncIterator().next()
                }
            }
            try await eventually("it looks for the server") {
                log.count(of: "no connection to the database can be made") == 1
            }
            task.cancel()
            await #expect(throws: PostgresError.cancelled) { try await task.value }
        }
    }

    @Test func `listening ends with the client, and with the task`() async throws {
        let postgres = try Postgres(try await sharedPostgres.value.bySocket, settings: .patient)
        let (listening, hasBegun) = AsyncStream<Void>.makeStream()
        func listen() async throws -> PostgresNotification? {
            try await postgres.listen(to: ["jobs"]) { notifications in
                hasBegun.yield()
                let reader = notifications.makeAsyncIterator()
                return try await reader.next()
            }
        }
        var begun = listening.makeAsyncIterator()
        let cancelled = Task { try await listen() }
        await begun.next()
        cancelled.cancel()
        await #expect(throws: PostgresError.cancelled) { try await cancelled.value }
        let closed = Task { try await listen() }
        await begun.next()
        await postgres.close()
        #expect(try await closed.value == nil)
        await #expect(throws: PostgresError.closed) { try await listen() }
    }
}
