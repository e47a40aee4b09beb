public import IgropyrInsight
public import IgropyrUV
public import Logging

/// What a balancer tells of its requests, and what it adds to them so that others can tell. All of it is off by
/// default, and costs a request next to nothing then.
public struct InsightSettings: Sendable {
    /// A line for each request; nil for none. See `docs/balancer-insight.md` for what stands in it.
    public var accessLog: AccessLog?
    /// Where metrics and the like are answered, on a thread of their own; nil for nowhere. Who reaches the address
    /// reads them: choose a loopback one, or a network for that purpose.
    public var admin: SocketAddress?
    /// Whether a request without a valid `traceparent` gets one, with a new trace's id, on its way to the worker
    /// (<https://www.w3.org/TR/trace-context/>). Whatever a client sends in the right form goes on as it is.
    public var startsTraces = false
    /// Whether a request without `X-Request-ID` gets one on its way to the worker.
    public var addsRequestIDs = false
    /// Told when lines of the access log are lost, and of workers that take no connections.
    public var logger = Logger(label: "igropyr.balancer")

    public init() {}

    /// Whether anybody can ask for metrics.
    var measures: Bool { admin != nil }
}

/// Why a balancer's insight cannot be had: what its file or address answers.
public struct InsightFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    init(_ log: AccessLog, _ error: UVError) {
        self.init("the access log \(log.destination) cannot be written: \(error.reason)")
    }
}
