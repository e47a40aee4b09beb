public import IgropyrDatabase

/// What one hears who listens.
public enum PostgresNotification: Equatable, Sendable {
    case message(channel: String, payload: String)
    /// The connection broke, and another was made: what was sent meanwhile is lost, so look at the tables anew.
    case reconnected
}

extension SQLDatabase where Connection == PostgresConnection {
    /// Lends what is sent on channels (`NOTIFY`), for as long as `body` runs; on a connection of its own, which is made
    /// anew where it breaks: each second an attempt. What is sent once `body` runs is not missed, but for that.
    ///
    /// ```swift
    /// try await postgres.listen(to: ["jobs"]) { notifications in
    ///     for try await notification in notifications { print(notification) }
    /// }
    /// ```
    ///
    /// Messages are read as they are asked for: who is slow has them wait at the server, for whom they fill a queue of
    /// all databases (`pg_notification_queue_usage()`). It ends when the client is closed. Each loop has 100 such
    /// connections at most; who finds all taken waits, as for any connection.
    /// - Throws: ``PostgresError``; what `body` throws.
    public func listen<Result>(
        to channels: [String], _ body: (PostgresNotifications) async throws -> Result
    ) async throws -> Result {
        guard !channels.isEmpty else { throw PostgresError.invalidParameter("listening to no channel") }
        let listener = PostgresListener(to: channels, by: longLeases)
        try await listener.connect()
        do {
            let result = try await body(PostgresNotifications(listener: listener))
            await listener.end()
            return result
        } catch {
            await listener.end()
            throw error
        }
    }
}

/// What comes on the channels of a ``SQLDatabase/listen(to:_:)``; for one reader.
public struct PostgresNotifications: AsyncSequence {
    fileprivate let listener: PostgresListener

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let listener: PostgresListener

        /// Nil once the client was closed.
        /// - Throws: ``PostgresError`` of what another attempt will not mend, such as a password that was changed.
        public func next() async throws -> PostgresNotification? { try await listener.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: listener) }
}

/// One who listens, and the connection that he has just now.
private final class PostgresListener {
    private static let pause = Duration.seconds(1)

    private let channels: [String]
    private let pools: LoopPools<PostgresConnection>
    private var lease: LoopPools<PostgresConnection>.Lease?
    private var lastAttempt = ContinuousClock.now

    init(to channels: [String], by pools: LoopPools<PostgresConnection>) {
        self.channels = channels
        self.pools = pools
    }

    func connect() async throws {
        lastAttempt = .now
        let lease = try await pools.lease()
        do { try await lease.connection.listen(to: channels) } catch {
            await Self.end(lease)
            throw error
        }
        self.lease = lease
    }

    func next() async throws -> PostgresNotification? {
        if let lease {
            do throws(PostgresError) {
                return try await lease.connection.nextNotification()
            } catch .closed {
                return nil
            } catch .connectionLost {
                await end()
            }
        }
        return try await reconnect()
    }

    private func reconnect() async throws -> PostgresNotification? {
        while true {
            // A server, or what stands before it, may take connections and drop each at once.
            do { try await Task.sleep(until: lastAttempt + Self.pause) } catch { throw PostgresError.cancelled }
            do {
                try await connect()
                return .reconnected
            } catch PostgresError.closed {
                return nil
            } catch PostgresError.cannotConnect, PostgresError.connectionLost, PostgresError.timedOut,
                PostgresError.tooManyConnections, PostgresError.poolExhausted
            {
                continue
            }
        }
    }

    func end() async {
        guard let lease else { return }
        self.lease = nil
        await Self.end(lease)
    }

    /// Others would be told what they did not ask for.
    private static func end(_ lease: LoopPools<PostgresConnection>.Lease) async {
        await lease.connection.close()
        await lease.end()
    }
}
