/// How a node asks its own workers whether they are well. Without one, a worker is ready when it says `READY=1`.
public struct HealthCheck: Hashable, Sendable, Codable {
    /// As JSON `{"http": {"path": "/health"}}` or `{"tcp": {}}`.
    public enum Probe: Hashable, Sendable, Codable {
        /// A GET, which passes with a status from 200 to 399.
        case http(path: String)
        /// A connection, of which this side is ended at once; the worker must end its own, or say something. That one
        /// is made proves nothing: the socket is the node's.
        case tcp
    }

    public var probe: Probe
    /// From one answer to the next question.
    public var intervalMilliseconds: Int
    /// For the whole of an answer.
    public var timeoutMilliseconds: Int
    /// In a row, after which a worker that was ready is killed and started again.
    public var failures: Int
    /// Paths that are asked for, one after the other, before a worker counts as ready; their answers do not matter.
    public var warmUp: [String]

    public init(
        _ probe: Probe, intervalMilliseconds: Int = 2000, timeoutMilliseconds: Int = 1000, failures: Int = 3,
        warmUp: [String] = []
    ) {
        self.probe = probe
        self.intervalMilliseconds = intervalMilliseconds
        self.timeoutMilliseconds = timeoutMilliseconds
        self.failures = failures
        self.warmUp = warmUp
    }

    // Bounds, of validation and of files.
    package static let intervalRange = 10...3_600_000
    package static let timeoutRange = 1...60_000
    package static let failuresRange = 1...100
    package static let warmUpLimit = 16

    /// The target of a request (RFC 9112 §3.2.1).
    package static func isTarget(_ text: String) -> Bool {
        text.utf8.first == .slash && text.utf8.count <= 2048
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
    }

    func validate(_ validation: Validation) throws(Refusal) {
        try validation.requireRange(intervalMilliseconds, Self.intervalRange, "the health check's interval")
        try validation.requireRange(timeoutMilliseconds, Self.timeoutRange, "the health check's time-out")
        try validation.requireRange(failures, Self.failuresRange, "the health check's count of failures")
        try validation.requireCount(warmUp.count, atMost: Self.warmUpLimit, of: "warm-up requests")
        try validation.require(
            targets.allSatisfy(Self.isTarget), .malformed, "a path of the health check is none: it begins with '/'")
    }

    var targets: [String] {
        if case .http(let path) = probe { [path] + warmUp } else { warmUp }
    }

    func appendCanonically(to canonical: inout CanonicalBytes) {
        if case .http = probe { canonical.append("http") } else { canonical.append("tcp") }
        canonical.append(targets)
        for number in [intervalMilliseconds, timeoutMilliseconds, failures] { canonical.append(number) }
    }
}
