/// How workers are asked whether they are well, without waiting for a request to fail.
public struct HealthCheckSettings: Sendable, Hashable {
    /// The target of a GET; nil to look only whether a connection is taken.
    public var path: String?
    /// What the `Host` field says; nil for the worker's address.
    public var host: String?
    /// From one answer to the next question.
    public var interval = Duration.seconds(2)
    /// For the connection, and again for the answer.
    public var timeout = Duration.seconds(1)
    /// Checks in a row that a worker must pass to get requests again.
    public var passesToRise = 2
    /// Checks in a row that a worker must fail to get no more requests.
    public var failuresToFall = 3
    /// Statuses that pass.
    public var statuses: ClosedRange<Int> = 200...399

    public init(path: String? = nil) { self.path = path }
}
