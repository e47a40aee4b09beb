/// Work that an application does again and again.
struct Job: Sendable {
    /// For the log.
    let name: String
    /// From the beginning of a turn to that of the next one.
    let interval: Duration
    let work: @Sendable () async throws -> Void
}

extension App {
    /// Has `work` done while the application serves, every `interval`, for the first time after one.
    ///
    /// ```swift
    /// app.every(.seconds(3600), "old files") { try await files.removeOld() }
    /// ```
    ///
    /// It never runs twice at once: where it takes longer than `interval`, the next turn begins when it ends. What it
    /// throws goes to the log under `name`, and the next turn comes all the same. At the end it has the
    /// ``Configuration/drainTimeout``, as requests do, then it is cancelled.
    ///
    /// It runs in each worker, on threads of Swift's pool: it must not block these either (``offload(_:)``).
    /// `docs/databases.md` has what is to be done once in the whole cluster.
    public func every(_ interval: Duration, _ name: String, _ work: @escaping @Sendable () async throws -> Void) {
        guard interval > .zero else {
            return noteMistake(InvalidSetting(name: "every", value: "\(interval)", expected: "more than 0"))
        }
        add(Job(name: name, interval: interval, work: work))
    }
}
