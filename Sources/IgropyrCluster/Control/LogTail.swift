internal import FoundationEssentials
public import IgropyrOrchestration
internal import IgropyrUV

/// A question for what workers of one host have printed.
struct LogsRequest: Codable, Sendable {
    var version = ControlAPI.version
    var application: ApplicationName
    /// nil: all.
    var index: Int?
    var isFollowing: Bool
}

/// One line of the answer.
public struct LogLine: Codable, Sendable, Hashable {
    public var host: HostName
    public var index: Int
    /// Cut after ``LogTail/lineBytes``; what is no UTF-8 is replaced.
    public var text: String
}

/// The ends of some logs, line by line, and what is appended, for as long as somebody reads. What the reader does not take
/// yet stays in the file; what is rotated away meanwhile is lost to it.
struct LogTail: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = Never

    /// From where each file's end is shown.
    static let tailBytes: Int64 = 16 << 10
    static let lineBytes = 8 << 10
    private static let pieceBytes = 64 << 10
    private static let interval = Duration.milliseconds(250)

    let host: HostName
    let logs: [(index: Int, path: String)]
    let isFollowing: Bool
    let loop: EventLoop

    struct AsyncIterator: AsyncIteratorProtocol {
        let tail: LogTail
        /// nil before the first look.
        var offsets: [Int64]?
        var rests: [[UInt8]]
        var waiting: ArraySlice<LogLine> = []

        mutating func next() async -> [UInt8]? {
            while waiting.isEmpty {
                guard !Task.isCancelled else { return nil }
                let isFirst = offsets == nil
                await look()
                guard waiting.isEmpty else { break }
                if !isFirst {
                    guard tail.isFollowing else { return nil }
                    guard (try? await Task.sleep(for: LogTail.interval)) != nil else { return nil }
                }
            }
            return waiting.popFirst().map(JSON.line)
        }

        private mutating func look() async {
            for (position, log) in tail.logs.enumerated() {
                let offset = offsets?[position]
                let (bytes, end) = await tail.loop.offload { LogTail.read(log.path, from: offset) }
                if offsets == nil { offsets = tail.logs.map { _ in 0 } }
                offsets?[position] = end
                take(bytes, of: position, startsAnew: offset == nil)
            }
        }

        /// The first line of a file's end may be a part of one: it is left out.
        private mutating func take(_ bytes: [UInt8], of position: Int, startsAnew: Bool) {
            var lines = (rests[position] + bytes).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let rest = lines.removeLast()
            rests[position] = rest.count < LogTail.lineBytes ? Array(rest) : []
            if rest.count >= LogTail.lineBytes { lines.append(rest) }
            for line in lines {
                let text = String(decoding: line.prefix(LogTail.lineBytes), as: UTF8.self)
                waiting.append(LogLine(host: tail.host, index: tail.logs[position].index, text: text))
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(tail: self, rests: logs.map { _ in [] }) }

    /// Blocks. What follows the offset, or the end if there is none or the file was emptied; and where that ends.
    private static func read(_ path: String, from offset: Int64?) -> (bytes: [UInt8], end: Int64) {
        guard let file = try? OpenFile(path, .read), let count = try? file.status().byteCount else { return ([], 0) }
        let start = offset.map { $0 <= count ? $0 : 0 } ?? Swift.max(0, count - tailBytes)
        let bytes = (try? file.read(from: start, upTo: pieceBytes)) ?? []
        return (bytes, start + Int64(bytes.count))
    }
}
