package import IgropyrUV
package import Logging

/// Writes what the loops have gathered, on the thread of the logs on its disk, which may block for that. What the
/// reader of a pipe leaves waits here, and holds up no other log.
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

    /// How long a pipe that takes nothing may hold up the end of the program; a disk, a second longer.
    private static let patience = Duration.seconds(2)
    /// From one look at a pipe that takes no more to the next: twice as long each time, until it takes some.
    private static let pauses = (first: Duration.milliseconds(1), longest: Duration.milliseconds(64))
    /// Of the batches that wait: lines that come singly are put together.
    private static let batchBytes = 64 << 10

    private let file: LogFile
    private let name: String
    /// Whose thread it has.
    private let device: UInt64?
    private let limitBytes: Int
    private let loop: EventLoop
    private let state = Locked(State())
    private let logger: Logger
    private let reportInterval: Duration
    /// Runs while there is more to tell than may be told yet. Used on the logs' thread only.
    nonisolated(unsafe) private var reportTimer: Timer?

    // What the file has yet to take; likewise.
    nonisolated(unsafe) private var backlog: [(bytes: [UInt8], lines: Int)] = []
    /// Of the first one, that many bytes are written.
    nonisolated(unsafe) private var written = 0
    /// Runs while something is left.
    nonisolated(unsafe) private var retryTimer: Timer?
    nonisolated(unsafe) private var pause = AccessLogWriter.pauses.first
    /// Is told once nothing is left, or what is left is given up.
    nonisolated(unsafe) private var onEnd: ((_ isWritten: Bool) -> Void)?
    nonisolated(unsafe) private var isOver = false

    /// Opens the destination. The program's log is told of dropped lines once in `reportInterval`: a full disk takes no
    /// line for hours, and that log may be on it, too. Call ``stop()`` at the program's end, to wait for what it has
    /// yet to write.
    /// - Throws: as `LogFile.init(appendingTo:)`.
    package init(_ settings: AccessLog, logger: Logger, reportInterval: Duration = .seconds(10)) throws(UVError) {
        (file, name) =
            switch settings.destination {
            case .standardOutput: (LogFile.standardOutput(), "standard output")
            case .file(let path): (try LogFile(appendingTo: path), path)
            }
        device = file.device
        loop = try LogThread.enter(device)
        limitBytes = settings.waitingBytes
        self.logger = logger
        self.reportInterval = reportInterval
    }

    /// Nobody has lines for it any more, and all that there were are written. Who lets it go need not wait for its
    /// share of the thread.
    deinit {
        guard !state.withLock({ $0.isStopping }) else { return }
        Task { [device] in await LogThread.leave(device) }
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

    /// Opens the file by its name again, soon. If that fails, lines go on to the old one, and the program's log says
    /// why.
    package func reopen() {
        loop.submit { [self] in
            do throws(UVError) {
                try file.reopen()
            } catch {
                return logger.error(
                    "a log cannot be opened anew, so its lines go on to the old file",
                    metadata: ["file": "\(name)", "reason": "\(error.reason)"])
            }
            // A line that was begun is written whole to the new one.
            if let first = unsafe backlog.first?.bytes {
                unsafe written = first[..<written].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            }
            drain()
        }
    }

    /// Writes what waits, and tells of what was not written. A disk or pipe that takes nothing keeps it, but not the
    /// caller.
    package func stop() async {
        state.withLock { $0.isStopping = true }
        let ending = Task { [self] in
            let isWritten = await end()
            await LogThread.leave(device)
            return isWritten
        }
        let isWritten = await ending.outcome(within: Self.patience + .seconds(1)) ?? false
        report(nil, every: .zero)
        if !isWritten { logger.error("a log could not be written to its end", metadata: ["file": "\(name)"]) }
    }

    /// Waits until nothing is left, or gives it up. No timer runs then.
    private func end() async -> Bool {
        await withCheckedContinuation { continuation in
            loop.submit { [self] in
                unsafe reportTimer?.close()
                let patience = try? Timer(on: loop)
                unsafe onEnd = { [self] isWritten in
                    patience?.close()
                    unsafe isOver = true
                    continuation.resume(returning: isWritten)
                }
                guard unsafe !backlog.isEmpty, let patience else { return giveUp() }
                try? patience.start(after: Self.patience) { [self] in giveUp() }  // Fails only once closed.
            }
        }
    }

    // MARK: On the logs' thread

    private func append(_ bytes: [UInt8], _ lines: Int) {
        if unsafe backlog.count > 1, unsafe backlog[backlog.count - 1].bytes.count + bytes.count <= Self.batchBytes {
            unsafe backlog[backlog.count - 1].bytes += bytes
            unsafe backlog[backlog.count - 1].lines += lines
        } else {
            unsafe backlog.append((bytes, lines))
        }
        if unsafe retryTimer == nil { drain() }
    }

    /// Writes what can be written without waiting for a reader, now and again until nothing is left.
    private func drain() {
        while let (bytes, lines) = unsafe backlog.first {
            var failure: UVError?
            let before = unsafe written
            do throws(UVError) {
                try unsafe file.append(bytes, from: &written)
                guard unsafe written == bytes.count else { return unsafe tryAgainSoon(hasTaken: written > before) }
            } catch { failure = error }
            let kept = failure == nil ? lines : unsafe bytes[..<written].count { $0 == UInt8(ascii: "\n") }
            unsafe backlog.removeFirst()
            unsafe written = 0
            noteEnd(of: bytes.count, dropped: lines - kept)
            tell(failure?.reason)
        }
        end(isWritten: true)
    }

    private func tryAgainSoon(hasTaken: Bool) {
        guard unsafe !isOver else { return giveUp() }
        unsafe pause = hasTaken ? Self.pauses.first : min(pause * 2, Self.pauses.longest)
        if unsafe retryTimer == nil { unsafe retryTimer = try? Timer(on: loop) }  // Else with the next lines.
        try? unsafe retryTimer?.start(after: pause) { [self] in drain() }
    }

    private func giveUp() {
        for (bytes, lines) in unsafe backlog { noteEnd(of: bytes.count, dropped: lines) }
        let isWritten = unsafe backlog.isEmpty
        unsafe (backlog, written) = ([], 0)
        end(isWritten: isWritten)
    }

    private func end(isWritten: Bool) {
        unsafe retryTimer?.close()
        unsafe retryTimer = nil
        unsafe onEnd?(isWritten)
        unsafe onEnd = nil
    }

    private func noteEnd(of byteCount: Int, dropped lines: Int) {
        state.withLock { state in
            state.waitingBytes -= byteCount
            state.noteDropped(lines)
        }
    }

    /// Tells of what is unreported, now or as soon as that may be.
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
