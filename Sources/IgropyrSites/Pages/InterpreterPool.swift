internal import HTTPTypes
internal import Igropyr
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// The interpreters of one loop. Each is started when there is a request for one more, and kept for further requests.
final class InterpreterPool {
    /// How long one may take to start.
    private static let startTime = Duration.seconds(10)

    private let loop: EventLoop
    private let settings: SchemeSettings
    private let isDevelopment: Bool
    /// One for each interpreter there may be; whoever has one may call ``take(_:)``.
    let turns: Turns
    private var idle: [Interpreter] = []
    private var running: [Int32: Entry] = [:]
    private var errors: [ObjectIdentifier: PulledStream] = [:]
    private var backOff = StartBackOff()
    private var isClosed = false

    private struct Entry {
        let interpreter: Interpreter
        /// The turn of who had it is given back when it has ended.
        var holdsTurn = false
    }

    init(_ loop: EventLoop, _ site: Site, loops: Int) {
        self.loop = loop
        settings = site.scheme
        isDevelopment = site.isDevelopment
        let limit = (settings.processes + loops - 1) / loops
        turns = Turns(limit: limit, waiting: 8 * limit)
    }

    /// One that waits for a request; ``giveBack(_:isUsable:)`` is to follow, and gives the turn back, too.
    /// - Throws: ``HTTPFailure`` 503 while none can be started.
    func take(_ log: Logger) async throws -> Interpreter {
        while let interpreter = idle.popLast() {
            guard interpreter.stream.isStale else { return interpreter }
            interpreter.end()
        }
        do {
            return try await start(log)
        } catch {
            turns.giveBack()
            throw error
        }
    }

    func giveBack(_ interpreter: Interpreter, isUsable: Bool) {
        if isUsable, !isClosed, interpreter.isRunning {
            idle.append(interpreter)
            turns.giveBack()
        } else if running[interpreter.pid]?.interpreter === interpreter {
            running[interpreter.pid]?.holdsTurn = true
            interpreter.end()
        } else {
            interpreter.end()
            turns.giveBack()
        }
    }

    private func didEnd() {
        for (pid, entry) in running where !entry.interpreter.isRunning {
            running[pid] = nil
            idle.removeAll { $0 === entry.interpreter }
            if entry.holdsTurn { turns.giveBack() }
        }
    }

    // MARK: Starting

    private func start(_ log: Logger) async throws -> Interpreter {
        if let time = backOff.remaining(at: loop.now) { throw Self.unavailable(for: time) }
        do {
            let interpreter = try Interpreter(on: loop, settings) { [weak self] _ in self?.didEnd() }
            running[interpreter.pid] = Entry(interpreter: interpreter)
            follow(interpreter.errors, log)
            try await makeReady(interpreter)
            backOff.didStart()
            return interpreter
        } catch {
            backOff.didFail(at: loop.now)
            let time = backOff.remaining(at: loop.now) ?? .zero
            log.error(
                "an interpreter for Scheme pages does not start: Debian's package guile-3.0 brings one",
                metadata: [
                    "interpreter": "\(settings.interpreter[0])", "reason": "\(error)", "tried again in": "\(time)",
                ])
            throw Self.unavailable(for: time)
        }
    }

    private func makeReady(_ interpreter: Interpreter) async throws {
        let timer = try Timer(on: loop)
        defer { timer.close() }
        do {
            try timer.start(after: Self.startTime) { interpreter.end() }
            try await interpreter.becomeReady(SchemeRuntime.source(serving: settings, isDevelopment: isDevelopment))
        } catch {
            interpreter.end()
            throw error
        }
    }

    private static func unavailable(for time: Duration) -> HTTPFailure {
        let seconds = max(1, time.secondsRoundedUp)
        return HTTPFailure(
            .serviceUnavailable, "This page cannot be shown at the moment.", fields: [.retryAfter: "\(seconds)"])
    }

    private func follow(_ stream: PulledStream, _ log: Logger) {
        let key = ObjectIdentifier(stream)
        errors[key] = stream
        ErrorOutput.follow(stream, of: settings.interpreter[0], log, on: loop) { [weak self] in self?.errors[key] = nil
        }
    }

    /// No request will come any more: kills all.
    func close() {
        isClosed = true
        for entry in running.values { entry.interpreter.close() }
        running = [:]
        idle = []
        for stream in errors.values { stream.close() }
    }
}
