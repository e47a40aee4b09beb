public import IgropyrOrchestration
internal import IgropyrUV

/// A question for what workers of one host have printed.
struct LogsRequest: Codable, Sendable {
    var version = ControlAPI.version
    var application: ApplicationName
    /// nil: all.
    var index: Int?
    var isFollowing: Bool
    /// How many of each, from the end; nil from an earlier edition.
    var lines: Int?
}

/// One line of the answer.
public struct LogLine: Codable, Sendable, Hashable {
    public var host: HostName
    public var index: Int
    /// Cut after ``LogTail/lineBytes``; what is no UTF-8 is replaced.
    public var text: String
}

/// The last lines of some logs, and what is appended, for as long as somebody reads. What the reader does not take yet
/// stays in the files.
struct LogTail: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = Never

    static let defaultLines = 100
    static let lineBytes = 8 << 10
    private static let interval = Duration.milliseconds(250)

    let host: HostName
    let logs: [(index: Int, log: WorkerLog)]
    let lines: Int
    let isFollowing: Bool
    let loop: EventLoop

    struct AsyncIterator: AsyncIteratorProtocol {
        let tail: LogTail
        /// Of each log; empty before the first look.
        var places: [LogPlace] = []
        /// Of each log a line that has not ended yet.
        var rests: [[UInt8]]
        var waiting: ArraySlice<LogLine> = []
        var hasEnded = false

        mutating func next() async -> [UInt8]? {
            while waiting.isEmpty {
                guard !hasEnded, !Task.isCancelled else { return nil }
                if await look() { continue }
                if !tail.isFollowing {
                    // Whatever is printed from now on: a worker may never pause.
                    hasEnded = true
                    takeRests()
                } else if waiting.isEmpty {
                    guard (try? await Task.sleep(for: LogTail.interval)) != nil else { return nil }
                }
            }
            return waiting.popFirst().map(JSON.line)
        }

        /// - Returns: Whether there is more already.
        private mutating func look() async -> Bool {
            var isMore = false
            for (position, log) in tail.logs.map(\.log).enumerated() {
                let (place, lines) = (places.count > position ? places[position] : nil, tail.lines)
                let (bytes, end, hasMore) = await tail.loop.offload {
                    log.read(from: place ?? log.place(ofLast: lines))
                }
                if place == nil { places.append(end) } else { places[position] = end }
                isMore = isMore || hasMore
                take(bytes, of: position)
            }
            return isMore
        }

        private mutating func take(_ bytes: [UInt8], of position: Int) {
            var lines = (rests[position] + bytes).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let rest = lines.removeLast()
            rests[position] = rest.count < LogTail.lineBytes ? Array(rest) : []
            if rest.count >= LogTail.lineBytes { lines.append(rest) }
            for line in lines { append(line, of: position) }
        }

        /// What a worker printed last may have no end: it says why it died.
        private mutating func takeRests() {
            for (position, rest) in rests.enumerated() where !rest.isEmpty { append(rest[...], of: position) }
            rests = rests.map { _ in [] }
        }

        private mutating func append(_ line: ArraySlice<UInt8>, of position: Int) {
            let text = String(decoding: line.prefix(LogTail.lineBytes), as: UTF8.self)
            waiting.append(LogLine(host: tail.host, index: tail.logs[position].index, text: text))
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(tail: self, rests: logs.map { _ in [] }) }
}
