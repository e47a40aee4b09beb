internal import IgropyrTime

/// Which connections of a pool are lent to whom, which rest, and who waits; in the order in which they came.
///
/// Connections and borrowers are numbers. Carry out what each call returns, in its order, and call
/// ``handleTimeout(at:)`` at ``deadline`` or later.
struct PoolCore {
    enum Refusal: Equatable { case exhausted, connectFailed, cancelled, closed }

    enum Action: Equatable {
        /// ``handleOpened(_:at:)`` or ``handleOpenFailed(_:at:)`` is to follow.
        case open(Int)
        case close(Int)
        /// ``takeBack(_:isUsable:at:)`` is to follow.
        case lend(Int, to: Int)
        case refuse(Int, Refusal)
    }

    /// Until a server that is full is asked again.
    private static let pause = Duration.milliseconds(100)

    private let settings: PoolSettings
    private var nextConnection = 0
    private var opening: Set<Int> = []
    /// When each open connection was made.
    private var born: [Int: Timestamp] = [:]
    /// The one that was used last stands last, and is lent first: so few are kept busy, and the others time out.
    private var idle: [(connection: Int, until: Timestamp)] = []
    private var waiting: [(borrower: Int, until: Timestamp)] = []
    /// Whether the last attempt to open one failed.
    private var hasOpenFailed = false
    /// Whether the server has no room for another (`max_connections`), by its last answer.
    private var isFull = false
    /// When such a server is asked again; nil if it may be at once.
    private var nextAttempt: Timestamp?
    private(set) var isClosing = false

    init(_ settings: PoolSettings) { self.settings = settings }

    /// When time alone next changes something; nil if nothing waits or rests.
    var deadline: Timestamp? {
        (idle.map(\.until) + waiting.prefix(1).map(\.until) + (nextAttempt.map { [$0] } ?? [])).min()
    }

    /// Whether nothing is open any more, nor will be.
    var isDrained: Bool { isClosing && born.isEmpty && opening.isEmpty }

    // MARK: Borrowers

    mutating func request(by borrower: Int, at now: Timestamp) -> [Action] {
        guard !isClosing else { return [.refuse(borrower, .closed)] }
        if waiting.isEmpty, let connection = takeIdle(at: now) { return [.lend(connection, to: borrower)] }
        guard waiting.count < settings.waiting || mayOpen else { return [.refuse(borrower, .exhausted)] }
        waiting.append((borrower, now.advanced(by: settings.waitTimeout)))
        return openForWaiting()
    }

    /// The borrower has lost interest; one that does not wait is of no account.
    mutating func cancel(_ borrower: Int) -> [Action] {
        guard let index = waiting.firstIndex(where: { $0.borrower == borrower }) else { return [] }
        waiting.remove(at: index)
        return [.refuse(borrower, .cancelled)]
    }

    mutating func takeBack(_ connection: Int, isUsable: Bool, at now: Timestamp) -> [Action] {
        guard let birth = born[connection] else { return [] }
        guard isUsable, !isClosing, now < birth.advanced(by: settings.lifetime) else { return drop(connection) }
        return lendOrRest(connection, at: now)
    }

    /// The connection that ``Action/lend(_:to:)`` named was lost while it rested: the borrower gets another one, first
    /// of all.
    mutating func handleLoss(of connection: Int, lentTo borrower: Int, at now: Timestamp) -> [Action] {
        guard !isClosing else { return drop(connection) + [.refuse(borrower, .closed)] }
        let closing = drop(connection)
        if let other = takeIdle(at: now) { return closing + [.lend(other, to: borrower)] }
        // No longer than those behind it, who are looked at in their order.
        let until = min(now.advanced(by: settings.waitTimeout), waiting.first?.until ?? .distantFuture)
        waiting.insert((borrower, until), at: 0)
        return closing + openForWaiting()
    }

    // MARK: Connections

    mutating func handleOpened(_ connection: Int, at now: Timestamp) -> [Action] {
        opening.remove(connection)
        (hasOpenFailed, isFull, nextAttempt) = (false, false, nil)
        born[connection] = now
        return isClosing ? drop(connection) : lendOrRest(connection, at: now) + openForWaiting()
    }

    /// The one who has waited longest hears of it: the next attempt is for the next one. But a server that is full
    /// serves others, as pools of other loops, and several attempts at once may have taken the last room from each
    /// other: so all wait for room there, as for a connection that is lent.
    mutating func handleOpenFailed(_ connection: Int, isFull: Bool, at now: Timestamp) -> [Action] {
        opening.remove(connection)
        (hasOpenFailed, self.isFull, nextAttempt) = (true, isFull, nil)
        guard !waiting.isEmpty else { return [] }
        guard !isFull else {
            nextAttempt = now.advanced(by: Self.pause)
            return []
        }
        return [.refuse(waiting.removeFirst().borrower, .connectFailed)] + openForWaiting()
    }

    // MARK: Time and end

    mutating func handleTimeout(at now: Timestamp) -> [Action] {
        var actions: [Action] = []
        while let first = waiting.first, first.until <= now {
            waiting.removeFirst()
            actions.append(.refuse(first.borrower, hasOpenFailed ? .connectFailed : .exhausted))
        }
        for entry in idle where entry.until <= now { actions += drop(entry.connection) }
        guard let next = nextAttempt, next <= now else { return actions }
        nextAttempt = nil
        return actions + openForWaiting()
    }

    /// Whoever waits is refused, what rests is closed, what is lent goes on until it comes back. Idempotent.
    mutating func close() -> [Action] {
        isClosing = true
        nextAttempt = nil
        let refused = waiting.map { Action.refuse($0.borrower, .closed) }
        waiting = []
        return refused + idle.flatMap { drop($0.connection) }
    }

    private mutating func takeIdle(at now: Timestamp) -> Int? {
        guard let index = idle.lastIndex(where: { now < $0.until }) else { return nil }
        return idle.remove(at: index).connection
    }

    private mutating func lendOrRest(_ connection: Int, at now: Timestamp) -> [Action] {
        if !waiting.isEmpty { return [.lend(connection, to: waiting.removeFirst().borrower)] }
        let end = born[connection]?.advanced(by: settings.lifetime) ?? now
        idle.append((connection, min(end, now.advanced(by: settings.idleTimeout))))
        return []
    }

    private mutating func drop(_ connection: Int) -> [Action] {
        born[connection] = nil
        idle.removeAll { $0.connection == connection }
        return [.close(connection)] + openForWaiting()
    }

    /// Whether there is room for one more attempt; of a server that is full one at a time, and now and then.
    private var mayOpen: Bool {
        guard !isClosing, nextAttempt == nil, !isFull || opening.isEmpty else { return false }
        return born.count + opening.count < settings.connectionsPerLoop
    }

    /// An attempt for each who waits, as far as there is room.
    private mutating func openForWaiting() -> [Action] {
        var actions: [Action] = []
        while opening.count < waiting.count, mayOpen {
            nextConnection += 1
            opening.insert(nextConnection)
            actions.append(.open(nextConnection))
        }
        return actions
    }
}
