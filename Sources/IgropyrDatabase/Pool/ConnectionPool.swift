internal import IgropyrTime
public import IgropyrUV

/// One loop's connections to a server: carries out what ``PoolCore`` decides.
public actor ConnectionPool<Connection: PooledConnection>: LoopBound {
    public typealias Failure = DatabaseError<Connection.ServerError>
    typealias Opener = @Sendable (EventLoop) async throws(Failure) -> Connection

    nonisolated public let loop: EventLoop
    private let open: Opener
    private let onEnd: @Sendable () -> Void
    private let insight: PoolInsight
    private var core: PoolCore
    private var timer: Timer?
    private var connections: [Int: Connection] = [:]
    private var numbers: [ObjectIdentifier: Int] = [:]
    private var attempts: [Int: Task<Void, Never>] = [:]
    private var borrowers: [Int: CheckedContinuation<Result<Connection, Failure>, Never>] = [:]
    private var nextBorrower = 0
    private var connectFailure = Failure.closed
    private let draining = WaitingTasks()

    /// `open` makes a connection in bounded time, and heeds the task's cancellation; `onEnd` is called with the loop's
    /// end.
    init(
        on loop: EventLoop, _ settings: PoolSettings, _ insight: PoolInsight,
        open: @escaping Opener, onEnd: @escaping @Sendable () -> Void
    ) {
        self.loop = loop
        self.open = open
        self.onEnd = onEnd
        self.insight = insight
        core = PoolCore(settings)
    }

    /// A connection of the caller's own; ``giveBack(_:)`` is to follow.
    func take() async throws(Failure) -> Connection {
        guard insight.isMeasuring else { return try await lent() }
        let start = EventLoop.preciseNow
        defer { insight.didWait(start.duration(to: EventLoop.preciseNow)) }
        return try await lent()
    }

    private func lent() async throws(Failure) -> Connection {
        nextBorrower += 1
        let borrower = nextBorrower
        let outcome: Result<Connection, Failure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume(returning: .failure(.cancelled)) }
                borrowers[borrower] = continuation
                perform(core.request(by: borrower, at: EventLoop.preciseNow))
            }
        } onCancel: {
            loop.submit { self.assumeIsolated { $0.perform($0.core.cancel(borrower)) } }
        }
        return try outcome.get()
    }

    func giveBack(_ connection: Connection) {
        guard let number = numbers[ObjectIdentifier(connection)] else { return }
        let isUsable = connection.assumeIsolated { connection in
            if let failure = connection.failure { insight.didFail(failure, asked: connection.asked) }
            return connection.isUsable
        }
        perform(core.takeBack(number, isUsable: isUsable, at: EventLoop.preciseNow))
    }

    /// Lends nothing any more, and returns when all that was lent is back; at once ends it where `endingLeases`.
    func drain(endingLeases: Bool) async {
        perform(core.close())  // First: of those that end, none is made anew for who waits.
        if endingLeases { closeAll() }
        await draining.wait { !core.isDrained }
    }

    /// Ends every connection, whoever has it, and every attempt.
    private func closeAll() {
        for task in attempts.values { task.cancel() }
        for connection in connections.values { connection.assumeIsolated { $0.close() } }
    }

    /// Ends all with the loop. Idempotent.
    func end() {
        perform(core.close())
        closeAll()
        timer?.close()
        timer = nil
        onEnd()
    }

    private func perform(_ actions: [PoolCore.Action]) {
        for action in actions {
            switch action {
            case .open(let number): open(number)
            case .close(let number): close(number)
            case .lend(let number, let borrower): lend(number, to: borrower)
            case .refuse(let borrower, let refusal): answer(borrower, .failure(failure(for: refusal)))
            }
        }
        watch()
        if core.isDrained { draining.wake() }
    }

    private func lend(_ number: Int, to borrower: Int) {
        guard let connection = connections[number], connection.assumeIsolated({ $0.isUsable }) else {
            return perform(core.handleLoss(of: number, lentTo: borrower, at: EventLoop.preciseNow))
        }
        answer(borrower, .success(connection))
    }

    private func answer(_ borrower: Int, _ outcome: Result<Connection, Failure>) {
        borrowers.removeValue(forKey: borrower)?.resume(returning: outcome)
    }

    private func failure(for refusal: PoolCore.Refusal) -> Failure {
        switch refusal {
        case .exhausted: exhausted()
        case .connectFailed: connectFailure
        case .cancelled: .cancelled
        case .closed: .closed
        }
    }

    private func exhausted() -> Failure {
        insight.didExhaust(at: EventLoop.preciseNow)
        return .poolExhausted
    }

    private func open(_ number: Int) {
        attempts[number] = Task(executorPreference: loop) { await self.attempt(number) }
    }

    private func attempt(_ number: Int) async {
        do throws(Failure) {
            didOpen(number, try await open(loop))
        } catch {
            attempts[number] = nil
            connectFailure = error
            if error != .cancelled, error != .closed { insight.didNotOpen(error) }
            let isFull = if case .tooManyConnections = error { true } else { false }
            perform(core.handleOpenFailed(number, isFull: isFull, at: EventLoop.preciseNow))
        }
    }

    private func didOpen(_ number: Int, _ connection: Connection) {
        attempts[number] = nil
        insight.didOpen()
        connections[number] = connection
        numbers[ObjectIdentifier(connection)] = number
        perform(core.handleOpened(number, at: EventLoop.preciseNow))
    }

    private func close(_ number: Int) {
        guard let connection = connections.removeValue(forKey: number) else { return }
        numbers[ObjectIdentifier(connection)] = nil
        insight.didClose()
        connection.assumeIsolated { $0.close() }
    }

    /// A timer for the core's next deadline.
    private func watch() {
        guard let deadline = core.deadline else {
            timer?.close()
            timer = nil
            return
        }
        if timer == nil { timer = try? Timer(on: loop) }  // uv_timer_init has no way to fail.
        try? timer?.start(after: max(.zero, EventLoop.preciseNow.duration(to: deadline))) {
            self.assumeIsolated { $0.perform($0.core.handleTimeout(at: EventLoop.preciseNow)) }
        }
    }
}

extension ConnectionPool: LoopResident {
    nonisolated public func loopWillEnd() { assumeIsolated { $0.end() } }
}
