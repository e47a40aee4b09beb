internal import IgropyrTime
internal import IgropyrUV

/// When the handlers of one loop that wait must have answered.
///
/// One timer for all, looked at every 100 ms while there are any: a timer for each request would cost more than the
/// request, and most end long before.
final class Deadlines {
    private static let interval = Duration.milliseconds(100)

    private let loop: EventLoop
    private var entries: [ObjectIdentifier: (deadline: Timestamp, request: Request, exchange: Exchange)] = [:]
    private var timer: WheelTimer?
    private var isArmed = false
    /// Called on the loop, up to 0.2 s late, unless the exchange was removed before.
    var onExpiry: ((Request, Exchange) -> Void)?

    init(_ wheel: TimerWheel) {
        loop = wheel.loop
        timer = WheelTimer(on: wheel) { [weak self] in self?.expire() }
    }

    deinit { timer?.invalidate() }

    func add(_ request: Request, _ exchange: Exchange, after timeout: Duration) {
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
            onExpiry?(entry.request, entry.exchange)
        }
        if !entries.isEmpty { arm() }
    }
}
