package import IgropyrUV
package import Logging

/// Writes what the loops have gathered, on a thread of its own, which may block.
package final class AccessLogWriter: Sendable {
    private struct State {
        var waitingBytes = 0
        var droppedLines = 0
        /// What the program's log has not been told of.
        var unreportedLines = 0
        /// When it was told last.
        var report: ContinuousClock.Instant?
    }

    /// How often it is told, at most: a full disk takes no line for hours, and the program's log may be on it, too.
    private static let reportInterval = Duration.seconds(10)

    /// How long a disk or pipe that takes nothing may hold up the end of the program.
    private static let patience = Duration.seconds(2)

    private let file: LogFile
    private let name: String
    private let limitBytes: Int
    private let thread: EventLoopThread
    private let state = Locked(State())
    private let logger: Logger

    /// Opens the destination and starts the thread, which ``stop()`` ends.
    /// - Throws: as `LogFile.init(appendingTo:)`.
    package init(_ settings: AccessLog, logger: Logger) throws(UVError) {
        (file, name) =
            switch settings.destination {
            case .standardOutput: (LogFile.standardOutput(), "standard output")
            case .file(let path): (try LogFile(appendingTo: path), path)
            }
        thread = try EventLoopThread(name: "igropyr-log")
        limitBytes = settings.waitingBytes
        self.logger = logger
    }

    /// Lines that were not written, since they came faster than the disk takes them, or it failed.
    package var droppedLines: Int { state.withLock { $0.droppedLines } }

    /// Takes whole lines. For any thread; never waits for the disk.
    package func write(_ bytes: [UInt8], lines: Int) {
        let isTaken = state.withLock { state in
            guard state.waitingBytes + bytes.count <= limitBytes else {
                state.droppedLines += lines
                state.unreportedLines += lines
                return false
            }
            state.waitingBytes += bytes.count
            return true
        }
        if isTaken { thread.loop.submit { [self] in append(bytes, lines) } }
    }

    /// Opens the file by its name again, soon. If that fails, lines go on to the old one, and the program's log says why.
    package func reopen() {
        thread.loop.submit { [self] in
            do throws(UVError) {
                try file.reopen()
            } catch {
                logger.error(
                    "a log cannot be opened anew, so its lines go on to the old file",
                    metadata: ["file": "\(name)", "reason": "\(error.reason)"])
            }
        }
    }

    /// Writes what waits, tells of what was not written, and ends the thread. A disk that takes nothing keeps it, but not the caller.
    package func stop() async {
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
            Task { [thread] in
                try? await thread.stop()
                answer(true)
            }
        }
        timer.cancel()
        report(nil, every: .zero)
        if !isWritten { logger.error("a log could not be written to its end", metadata: ["file": "\(name)"]) }
    }

    /// On the log's own thread.
    private func append(_ bytes: [UInt8], _ lines: Int) {
        var failure: UVError?
        do throws(UVError) { try file.append(bytes) } catch { failure = error }
        state.withLock { state in
            state.waitingBytes -= bytes.count
            guard failure != nil else { return }
            state.droppedLines += lines
            state.unreportedLines += lines
        }
        report(failure?.reason, every: Self.reportInterval)
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
