public import IgropyrCoding
public import IgropyrHashing
public import IgropyrOrchestration
public import IgropyrTransport

/// How requests to an application find their worker, and what is done when one fails.
public struct ApplicationSettings: Sendable, Hashable {
    public var policy = BalancingPolicy.consistentHash
    /// Of use where the policy is by hash.
    public var keyTable = KeyTable.Kind.rendezvous
    /// What decides on the worker where the policy is by hash.
    public var hashKey = HashKey.path
    /// No worker gets more than this times its share of what is under way; nil for no bound. At least 1.
    public var loadBound: Double? = 1.25
    /// How long a worker that joins others gets less than its share; zero for all of it at once.
    public var slowStart = Duration.seconds(2)
    /// Requests that one worker may have of one loop; further ones wait.
    public var requestsPerWorker = 1024
    /// Requests of one loop that may wait for a worker; further ones are answered 503 at once.
    public var waitingRequests = 1024
    /// Requests that all workers together may have of one loop; further ones wait. Nil for no bound of their own.
    public var requestsInFlight: Int?
    public var connectTimeout = Duration.milliseconds(250)
    /// How long a worker may make no progress with a response.
    public var responseTimeout = Duration.seconds(30)
    /// How often one request may be repeated, on top of its first try.
    public var retries = 2
    /// Failures in a row after which a worker is left alone for a while: no answer, a broken one, 502, 503 or 504.
    public var failuresInRow = 5
    /// If less than this part of the workers answers well, all are used: 0 never, 1 at the first failing one.
    public var panicThreshold = 0.5
    /// How its workers are asked whether they are well; nil for not at all.
    public var healthCheck: HealthCheckSettings?
    /// How its workers are spoken to; see ``UpstreamConnection/kind(serverNames:)``.
    public var connections = HTTPConnectionKind.plain
    /// What is changed in requests before they go to a worker.
    public var requestFields = FieldEdits()
    /// What is changed in responses before they go to a client.
    public var responseFields = FieldEdits()
    /// Bytes of a request's body that are taken from the client before a worker is chosen, so that a slow client holds
    /// none; a larger one goes through as it comes. 0 for none. Takes that much memory for each such request.
    public var bufferedBodyBytes = 0
    /// Compresses responses that workers send as they are; nil for not at all.
    public var compression: Compression?

    public init() {}

    func with(_ hashKey: HashKey) -> ApplicationSettings {
        var settings = self
        settings.hashKey = hashKey
        return settings
    }
}
