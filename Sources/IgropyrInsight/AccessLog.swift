/// A line for each request: where it goes, and how it looks.
///
/// Lines are gathered on the loop and written by a thread of the logs on their disk, a tenth of a second later at most.
/// A disk that is too slow holds up no request: what is more than ``waitingBytes`` is dropped, and said in the
/// program's log.
public struct AccessLog: Sendable, Hashable {
    public enum Format: String, Sendable, CaseIterable {
        /// `host - user [time] "request line" status bytes`, as since NCSA's first server.
        case common
        /// The same with `"Referer" "User-Agent"`; what log analysers take for granted.
        case combined
        /// One JSON object a line, with durations in seconds and the request's id, too.
        case json
    }

    public enum Destination: Sendable, Hashable, CustomStringConvertible {
        case standardOutput
        /// Appended to; opened by its name again on SIGUSR1, and by the server's `reopenAccessLog()`.
        case file(String)

        public var description: String {
            switch self {
            case .standardOutput: "on standard output"
            case .file(let path): path
            }
        }
    }

    public var format: Format
    public var destination: Destination
    /// Bytes that may wait to be written, of all loops together.
    public var waitingBytes = 4 << 20

    public init(_ format: Format = .combined, to destination: Destination = .standardOutput) {
        self.format = format
        self.destination = destination
    }
}
