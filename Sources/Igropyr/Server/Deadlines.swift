internal import IgropyrTime
internal import IgropyrUV

/// When the handlers of one loop that wait must have answered.
///
/// One timer for all, looked at every 100 ms while there are any: a timer for each request would cost more than the
/// request, and most end long before.
final class Deadlines {
    private static let interval = Duration.milliseconds(100)

    private let loop: EventLoop
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    private var entries: [ObjectIdentifier: (deadline: Timestamp, request: Request, exchange: Exchange)] = [:]
    private var timer: WheelTimer?
    private var isArmed = false
    /// Held while there are entries, and not weakly: each use of an object that has been held so costs a request some
    /// time.
    private var dispatcher: RequestDispatcher?

    init(_ wheel: TimerWheel) {
        loop = wheel.loop
        timer = WheelTimer(on: wheel) { [weak self] in self?.expire() }
    }

    deinit { timer?.invalidate() }

    /// Has `dispatcher` answer in the handler's place, up to 0.2 s late, unless the exchange is removed before.
    func add(_ request: Request, _ exchange: Exchange, after timeout: Duration, for dispatcher: RequestDispatcher) {
        self.dispatcher = dispatcher
        entries[ObjectIdentifier(exchange)] = (loop.now.advanced(by: timeout), request, exchange)
        arm()
    }

    func remove(_ exchange: Exchange) {
        if !entries.isEmpty { entries[ObjectIdentifier(exchange)] = nil }  // Most end before they get one.
    }

    private func arm() {
        guard !isArmed else { return }
        isArmed = true
        timer?.arm(after: Self.interval)
    }

    private func expire() {
        isArmed = false
        let now = loop.now
        for (key, entry) in entries where entry.deadline <= now {
            entries[key] = nil
            dispatcher?.timeOut(entry.request, entry.exchange)
        }
        if entries.isEmpty { dispatcher = nil } else { arm() }
    }
}
