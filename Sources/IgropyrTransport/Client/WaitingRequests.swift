internal import IgropyrUV

/// Requests that wait, in their order, for one of the connections that there may be to their server.
///
/// How long does not matter as long as connections become free: if none does within `patience`, all fail. No more than
/// `limit` wait, besides those that have had their turn.
final class WaitingRequests {
    /// Nil for those that were taken: they hold their responses.
    private var requests: [HTTPRequesterCall?] = []
    private var taken = 0
    private let limit: Int
    private let patience: Duration
    private let timer: WheelTimer
    private let onEnd: () -> Void

    /// `onEnd` is called before all fail: who of them tries again waits elsewhere.
    init(on wheel: TimerWheel, limit: Int, patience: Duration, onEnd: @escaping () -> Void) {
        self.limit = limit
        self.patience = patience
        self.onEnd = onEnd
        timer = WheelTimer(on: wheel)
        timer.onExpiry = { [weak self] in self?.end(.exhausted) }
        timer.arm(after: patience)
    }

    var isEmpty: Bool { taken == requests.count }

    /// `isFirst`: it has had its turn, but a newcomer was faster.
    /// - Returns: false if so many wait already.
    func add(_ request: HTTPRequesterCall, isFirst: Bool) -> Bool {
        guard isFirst else {
            if requests.count - taken >= limit { forgetUnwanted() }
            guard requests.count - taken < limit else { return false }
            requests.append(request)
            return true
        }
        if taken > 0 {
            taken -= 1
            requests[taken] = request
        } else {
            requests.insert(request, at: 0)
        }
        return true
    }

    private func forgetUnwanted() {
        requests = requests[taken...].filter { $0?.isWanted ?? false }
        taken = 0
    }

    /// A connection may have become free: who is next; nil if there is nobody, and then this is of no further use.
    func next() -> HTTPRequesterCall? {
        timer.arm(after: patience)
        while !isEmpty {
            let request = requests[taken].take()
            taken += 1
            if taken >= 256 {  // Seldom enough to cost nothing, soon enough to stay small.
                requests.removeFirst(taken)
                taken = 0
            }
            if let request, request.isWanted { return request }
        }
        return nil
    }

    func end(_ cause: HTTPClientFailure.Cause) {
        timer.invalidate()
        onEnd()
        let all = requests[taken...]
        (requests, taken) = ([], 0)
        for request in all { request?.give(up: cause) }
    }
}
