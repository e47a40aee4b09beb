internal import IgropyrUV
internal import Logging

/// What a program writes to its standard error, line by line, for the error log.
struct ErrorOutput {
    /// Of one request; what comes then is thrown away.
    private static let limitLines = 100
    private static let limitLineBytes = 1024

    private let file: String
    private let log: Logger
    private var line: [UInt8] = []
    private var lines = 0

    init(of file: String, _ log: Logger) {
        self.file = file
        self.log = log
    }

    /// Reads the stream to its end, by itself, then closes it and calls `onEnd`.
    static func follow(
        _ stream: PulledStream, of file: String, _ log: Logger, on loop: EventLoop, onEnd: @escaping () -> Void
    ) {
        nonisolated(unsafe) let (stream, onEnd) = (stream, onEnd)  // They stay on this thread.
        Task.immediate(executorPreference: loop) {
            var output = ErrorOutput(of: file, log)
            while let bytes = try? await unsafe stream.read() { output.take(bytes) }
            output.finish()
            unsafe stream.close()
            unsafe onEnd()
        }
    }

    mutating func take(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                finish()
            } else if line.count < Self.limitLineBytes {
                line.append(byte)
            }
        }
    }

    mutating func finish() {
        guard !line.isEmpty, lines <= Self.limitLines else { return line = [] }
        lines += 1
        let text = lines > Self.limitLines ? "… (more is left out)" : String(decoding: line, as: UTF8.self)
        log.error("a program says", metadata: ["file": "\(file)", "text": "\(text)"])
        line = []
    }
}
