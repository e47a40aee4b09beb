import IgropyrTime

/// Whether a worker is well, by its refusals, its answers and what checks say; one loop's opinion.
///
/// A worker that refuses, or fails too often in a row, is left alone for a pause; each time it goes on, the next is
/// twice as long. Then one request at a time is let through to try it. Outlives the snapshots, which know nothing of
/// it. Whether to use a worker in spite of that, since nobody better is there, is the caller's decision.
struct WorkerHealth {
    /// Why a worker is left alone.
    enum Trouble: Hashable {
        /// It takes no connections, or is said to be dead: who is sent there loses time and gains nothing.
        case refuses
        /// It answers, but not as it should. The observer may be wrong about it.
        case fails
    }

    static let firstPause = Duration.seconds(1)
    static let longestRefusalPause = Duration.seconds(10)
    static let longestFailurePause = Duration.seconds(60)

    private struct Mark {
        var trouble: Trouble
        var pause: Duration
        var until: Timestamp
        /// The pause was over and one request is on its way to try the worker.
        var isOnTrial = false
    }

    private var mark: Mark?
    /// Answers in a row that were failures.
    private var failuresInRow = 0
    /// What the active checks found last.
    private(set) var failsChecks = false
    /// When it became well again; nil if it always was.
    private(set) var returnedAt: Timestamp?

    /// Nil for a worker that is well. Checks come last: a refusal says more.
    var trouble: Trouble? { mark?.trouble ?? (failsChecks ? .fails : nil) }

    /// Whether it was tried again since it refused, and refused again: not one that is only about to go.
    var refusesAgain: Bool { mark.map { $0.trouble == .refuses && $0.pause > Self.firstPause } ?? false }

    /// Whether a request may go there now. For a worker whose pause is over this is the one trial: the next comes after
    /// another pause, unless the trial succeeds.
    mutating func admits(at now: Timestamp) -> Bool {
        guard !failsChecks else { return false }
        guard var mark else { return true }
        guard now >= mark.until else { return false }
        mark.until = now.advanced(by: mark.pause)
        mark.isOnTrial = true
        self.mark = mark
        return true
    }

    /// - Returns: whether it was well before.
    mutating func noteRefusal(at now: Timestamp) -> Bool {
        leaveAlone(.refuses, longest: Self.longestRefusalPause, at: now)
    }

    /// An answer that says that the worker cannot do its work, or none. `limit` in a row are too many.
    /// - Returns: whether it was well before, and is not now.
    mutating func noteFailure(limit: Int, at now: Timestamp) -> Bool {
        failuresInRow += 1
        guard failuresInRow >= limit || mark != nil else { return false }
        return leaveAlone(.fails, longest: Self.longestFailurePause, at: now)
    }

    private mutating func leaveAlone(_ trouble: Trouble, longest: Duration, at now: Timestamp) -> Bool {
        guard let old = mark else {
            mark = Mark(trouble: trouble, pause: Self.firstPause, until: now.advanced(by: Self.firstPause))
            return true
        }
        // Without a trial these are requests that were under way together; but refusing is news about one that failed.
        guard old.isOnTrial || trouble == .refuses && old.trouble == .fails else { return false }
        let pause = min(old.pause * 2, longest)
        mark = Mark(trouble: trouble, pause: pause, until: now.advanced(by: pause))
        return false
    }

    /// It took a connection: what is wrong with it is not that. Failures are forgotten by ``noteSuccess()`` only.
    /// - Returns: whether it was not well before.
    mutating func noteConnection() -> Bool {
        guard mark?.trouble == .refuses else { return false }
        mark = nil
        return true
    }

    /// It began to answer as it should, which may go on for hours: it is tried again. Failures are in a row until
    /// ``noteSuccess()``.
    /// - Returns: whether it was not well before.
    mutating func noteAnswer() -> Bool {
        guard mark != nil else { return false }
        mark = nil
        return true
    }

    /// It answered as it should, to the end or for as long as the client wanted.
    /// - Returns: whether it was not well before.
    mutating func noteSuccess() -> Bool {
        failuresInRow = 0
        return noteAnswer()
    }

    /// - Returns: whether that is news.
    mutating func noteCheck(isPassed: Bool) -> Bool {
        guard failsChecks == isPassed else { return false }
        failsChecks = !isPassed
        return true
    }

    /// After news that it is well: from then on it gets more and more of its share, see ``SlowStart``.
    mutating func noteReturn(at now: Timestamp) {
        if trouble == nil { returnedAt = now }
    }

    /// It is said to be back.
    mutating func forget() {
        mark = nil
        failuresInRow = 0
        returnedAt = nil
    }
}
