package import IgropyrUV
package import Logging

/// Writes what the loops have gathered, on the thread of all logs, which may block.
package final class AccessLogWriter: Sendable {
    private struct State {
        var waitingBytes = 0
        var droppedLines = 0
        /// What the program's log has not been told of.
        var unreportedLines = 0
        /// When it was told last.
        var report: ContinuousClock.Instant?
        var isStopping = false

        mutating func noteDropped(_ lines: Int) {
            droppedLines += lines
            unreportedLines += lines
        }
    }

    /// How long a disk or pipe that takes nothing may hold up the end of the program.
    private static let patience = Duration.seconds(2)

    private let file: LogFile
    private let name: String
    private let limitBytes: Int
    private let loop: EventLoop
    private let state = Locked(State())
    private let logger: Logger
    private let reportInterval: Duration
    /// Runs while there is more to tell than may be told yet. Used on the logs' thread only.
    nonisolated(unsafe) private var reportTimer: Timer?

    /// Opens the destination. The program's log is told of dropped lines once in `reportInterval`: a full disk takes no line
    /// for hours, and that log may be on it, too. Call ``stop()`` at its end.
    /// - Throws: as `LogFile.init(appendingTo:)`.
    package init(_ settings: AccessLog, logger: Logger, reportInterval: Duration = .seconds(10)) throws(UVError) {
        (file, name) =
            switch settings.destination {
            case .standardOutput: (LogFile.standardOutput(), "standard output")
            case .file(let path): (try LogFile(appendingTo: path), path)
            }
        loop = try LogThread.enter()
        limitBytes = settings.waitingBytes
        self.logger = logger
        self.reportInterval = reportInterval
    }

    /// Lines that were not written, since they came faster than the disk takes them, or it failed.
    package var droppedLines: Int { state.withLock { $0.droppedLines } }

    /// Takes whole lines. For any thread; never waits for the disk.
    package func write(_ bytes: [UInt8], lines: Int) {
        let (isTaken, isNews) = state.withLock { state in
            guard state.waitingBytes + bytes.count <= limitBytes else {
                defer { state.noteDropped(lines) }
                return (false, state.unreportedLines == 0)
            }
            state.waitingBytes += bytes.count
            return (true, false)
        }
        if isTaken { loop.submit { [self] in append(bytes, lines) } }
        if isNews { loop.submit { [self] in tell(nil) } }
    }

    /// Opens the file by its name again, soon. If that fails, lines go on to the old one, and the program's log says why.
    package func reopen() {
        loop.submit { [self] in
            do throws(UVError) {
                try file.reopen()
            } catch {
                logger.error(
                    "a log cannot be opened anew, so its lines go on to the old file",
                    metadata: ["file": "\(name)", "reason": "\(error.reason)"])
            }
        }
    }

    /// Writes what waits, and tells of what was not written. A disk that takes nothing keeps it, but not the caller.
    package func stop() async {
        state.withLock { $0.isStopping = true }
        loop.submit { [self] in unsafe reportTimer?.close() }
        let hasEnded = Locked<CheckedContinuation<Bool, Never>?>(nil)
        let answer: @Sendable (Bool) -> Void = { answer in
            hasEnded.withLock { continuation in
                defer { continuation = nil }
                return continuation
            }?.resume(returning: answer)
        }
        let timer = Task {
            try await Task.sleep(for: Self.patience)
            answer(false)
        }
        let isWritten = await withCheckedContinuation { continuation in
            hasEnded.withLock { $0 = continuation }
            Task {
                await LogThread.leave()
                answer(true)
            }
        }
        timer.cancel()
        report(nil, every: .zero)
        if !isWritten { logger.error("a log could not be written to its end", metadata: ["file": "\(name)"]) }
    }

    /// On the logs' thread.
    private func append(_ bytes: [UInt8], _ lines: Int) {
        var failure: UVError?
        do throws(UVError) { try file.append(bytes) } catch { failure = error }
        state.withLock { state in
            state.waitingBytes -= bytes.count
            if failure != nil { state.noteDropped(lines) }
        }
        tell(failure?.reason)
    }

    /// Tells of what is unreported, now or as soon as that may be. On the logs' thread.
    private func tell(_ reason: String?) {
        report(reason, every: reportInterval)
        let mustWait = state.withLock { $0.unreportedLines > 0 && !$0.isStopping }
        guard mustWait, unsafe reportTimer == nil, let new = try? Timer(on: loop) else { return }
        unsafe reportTimer = new
        try? new.start(after: reportInterval) { [self] in
            new.close()
            unsafe reportTimer = nil
            tell(nil)
        }
    }

    private func report(_ reason: String?, every interval: Duration) {
        let unreported = state.withLock { state in
            let now = ContinuousClock.now
            guard state.report.map({ now - $0 >= interval }) ?? true, state.unreportedLines > 0 else { return 0 }
            state.report = now
            defer { state.unreportedLines = 0 }
            return state.unreportedLines
        }
        guard unreported > 0 else { return }
        logger.warning(
            "lines of a log were dropped",
            metadata: [
                "file": "\(name)", "lines": "\(unreported)",
                "reason": "\(reason ?? "they came faster than they could be written, or the disk failed")",
            ])
    }
}

extension Collection<AccessLogWriter> {
    /// All together: what holds up one, holds up all.
    package func stop() async {
        await withTaskGroup { group in
            for log in self { group.addTask { await log.stop() } }
        }
    }
}
