public import IgropyrTime

/// A deadline of one connection, made for being moved at each message and seldom reached.
///
/// ``arm(after:)`` mostly writes a number only: the wheel looks at the entry when its turn comes and moves it on if the
/// deadline was put off meanwhile.
public final class WheelTimer {
    fileprivate var deadline = Timestamp.distantFuture
    /// The tick at which the wheel will look at this entry; `.max` if it will not.
    fileprivate var visit = Int64.max
    /// When that tick begins; `.distantFuture` if there is none.
    fileprivate var nextLook: Timestamp {
        visit == .max ? .distantFuture : Timestamp(nanoseconds: visit * wheel.tick)
    }
    private let wheel: TimerWheel
    /// Called on the loop, at the deadline or up to two ticks of the wheel later; never before what had arrived by then
    /// was looked at.
    public var onExpiry: (() -> Void)?

    public init(on wheel: TimerWheel, onExpiry: (() -> Void)? = nil) {
        self.wheel = wheel
        self.onExpiry = onExpiry
    }

    public func arm(after delay: Duration) { arm(at: wheel.loop.now.advanced(by: delay)) }

    public func arm(at deadline: Timestamp) {
        self.deadline = deadline
        wheel.schedule(self)
    }

    public func disarm() { deadline = .distantFuture }

    /// False again once `onExpiry` is called.
    public var isArmed: Bool { deadline < .distantFuture }

    /// Ends the timer for good and lets go of `onExpiry`.
    public func invalidate() {
        disarm()
        onExpiry = nil
    }
}

/// The deadlines of all connections of one loop, behind one libuv timer that runs only while there are any.
///
/// A hashed timing wheel with lazy re-insertion (Varghese and Lauck, 1987, scheme 6): arming is O(1), and an entry is
/// looked at once in each turn of the wheel at most.
public final class TimerWheel {
    public let loop: EventLoop
    fileprivate let tick: Int64
    private let timer: Timer
    private var slots: [[WheelTimer]]
    private var current: Int64
    private var entries = 0
    private var isTicking = false

    /// A deadline may be noticed one `tick` late: a number of whole milliseconds.
    public init(on loop: EventLoop, tick: Duration = .milliseconds(50), slots: Int = 256) throws(UVError) {
        self.loop = loop
        self.tick = tick.nanosecondsClamped
        self.slots = Array(repeating: [], count: slots)
        current = loop.now.nanoseconds / self.tick
        timer = try Timer(on: loop)
    }

    /// Idempotent. No deadline is noticed any more.
    public func close() {
        timer.close()
        for index in slots.indices { slots[index].removeAll() }
        entries = 0
    }

    fileprivate func schedule(_ entry: WheelTimer) {
        guard entry.deadline < entry.nextLook else { return }  // The common case, and without a division.
        if !isTicking { current = loop.now.nanoseconds / tick }
        let due = max(entry.deadline.nanoseconds / tick + 1, current + 1)
        let visit = min(due, current + Int64(slots.count))
        guard visit < entry.visit else { return }  // It is looked at early enough, and moved on then.
        entry.visit = visit
        slots[Int(visit % Int64(slots.count))].append(entry)
        entries += 1
        if !isTicking { startTicking() }
    }

    private func startTicking() {
        isTicking = true
        // Fails only once closed.
        try? timer.start(after: .nanoseconds(tick)) { [self] in tickDidPass() }
    }

    /// A loop that was held up looks first at what has arrived meanwhile, which may put deadlines off.
    private func tickDidPass() {
        guard loop.now.nanoseconds / tick > current + 2 else { return advance() }
        try? timer.start(after: .milliseconds(1)) { [self] in advance() }
    }

    private func advance() {
        let now = loop.now
        let target = now.nanoseconds / tick
        let oldest = max(current + 1, target - Int64(slots.count) + 1)
        if oldest <= target {
            for turn in oldest...target { look(into: turn, at: now) }
        }
        current = max(current, target)
        isTicking = false
        if entries > 0 { startTicking() }
    }

    private func look(into turn: Int64, at now: Timestamp) {
        current = turn
        let slot = Int(turn % Int64(slots.count))
        let due = slots[slot]
        slots[slot].removeAll(keepingCapacity: true)
        entries -= due.count
        for entry in due where entry.visit <= turn {  // Else it was brought forward and stands elsewhere, too.
            entry.visit = .max
            if entry.deadline <= now {
                entry.deadline = .distantFuture
                entry.onExpiry?()
            } else if entry.deadline < .distantFuture {
                schedule(entry)
            }
        }
    }
}
