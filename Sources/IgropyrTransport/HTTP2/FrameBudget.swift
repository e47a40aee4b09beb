internal import IgropyrTime

/// What a client may ask for without getting on: bounds floods of frames that cost it next to nothing.
///
/// Time is looked at only when a bound is reached, so who was quiet before may reach it twice.
struct FrameBudget {
    /// What the work for a frame counts, and what a request earns.
    static let frameBytes = 256
    /// A client says by WINDOW_UPDATE that it has taken DATA: so much of it pays for one byte of overhead.
    private static let sentBytesPerByte = 4

    private let settings: HTTP2Settings
    private var overheadBytes = 0
    private var resets = 0
    private var refilledAt: Timestamp

    init(_ settings: HTTP2Settings, at now: Timestamp) {
        self.settings = settings
        refilledAt = now
    }

    mutating func noteRead(byteCount: Int) { overheadBytes += byteCount }
    mutating func noteControlFrame() { overheadBytes += Self.frameBytes }
    mutating func noteReset() { resets += 1 }

    /// `byteCount`: its header block, as it came.
    mutating func noteRequest(byteCount: Int) { pay(byteCount + Self.frameBytes) }
    /// A part of a request's body, without padding.
    mutating func noteBody(byteCount: Int) { pay(byteCount) }
    mutating func noteSent(byteCount: Int) { pay(byteCount / Self.sentBytesPerByte) }

    mutating func isExceeded(at now: Timestamp) -> Bool {
        guard isOver else { return false }
        let milliseconds = Int((now.nanoseconds - refilledAt.nanoseconds) / 1_000_000)
        refilledAt = now
        let seconds = min(milliseconds, 3_600_000)
        pay(seconds * settings.overheadBytesPerSecond / 1000)
        resets = max(0, resets - seconds * settings.resetsPerSecond / 1000)
        return isOver
    }

    private var isOver: Bool { overheadBytes > settings.overheadBytes || resets > settings.resets }

    private mutating func pay(_ byteCount: Int) { overheadBytes = max(0, overheadBytes - byteCount) }
}
