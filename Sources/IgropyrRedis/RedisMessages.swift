/// What is published on some channels from the moment of ``Redis/subscribe(to:patterns:_:)`` on.
///
/// Messages are read when they are asked for, and none is kept here: who is slow has them wait at the server, which
/// drops a subscriber at last (`client-output-buffer-limit`). Ends when the client is closed.
public struct RedisMessages: AsyncSequence, Sendable {
    let connection: RedisConnection

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let connection: RedisConnection

        /// - Throws: ``RedisError``: `.connectionLost` when the server goes, after which messages may have been missed.
        public mutating func next() async throws -> RedisMessage? {
            try await connection.nextMessage()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(connection: connection) }
}
