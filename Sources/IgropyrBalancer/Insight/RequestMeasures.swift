/// The counts and times of one application's requests, or of one worker's tries, on one loop or on all.
struct RequestMeasures: Sendable {
    /// By class of status, 1xx to 5xx.
    private(set) var responses: [5 of UInt64] = .init(repeating: 0)
    /// By ``ExchangeFailure``.
    private(set) var failures = [UInt64](repeating: 0, count: ExchangeFailure.allCases.count)
    var retries: UInt64 = 0
    var inFlight = 0
    /// From a request's leaving to the head of its response.
    var firstByte = LatencyHistogram()
    /// To the end of the response: an application's from the client's head on, a worker's from the request's leaving.
    var total = LatencyHistogram()

    mutating func count(status: Int) { responses[min(max(status / 100, 1), 5) - 1] &+= 1 }
    mutating func count(_ failure: ExchangeFailure) { failures[failure.rawValue] &+= 1 }

    static func += (total: inout RequestMeasures, part: RequestMeasures) {
        for index in total.responses.indices { total.responses[index] &+= part.responses[index] }
        for index in total.failures.indices { total.failures[index] &+= part.failures[index] }
        total.retries &+= part.retries
        total.inFlight += part.inFlight
        total.firstByte += part.firstByte
        total.total += part.total
    }
}
