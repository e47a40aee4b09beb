internal import IgropyrHTTP
internal import IgropyrUV

/// The body of a response that is read piece by piece; stays on its loop.
public final class HTTPBodyStream {
    /// What may wait to be read, one read of the connection aside; the server waits then.
    private static let limitBytes = 256 << 10

    /// The fields that followed it, once it has been read to its end.
    public private(set) var trailers: [(name: String, value: String)] = []

    private let loop: EventLoop
    private var received: [UInt8] = []
    private var outcome: Result<Void, HTTPClientFailure>?
    private var isPaused = false
    private let readers = WaitingTasks()
    /// Nil before the head and after the end.
    private var connection: (any HTTPClientStream)?
    private var onCancel: (() -> Void)?

    init(on loop: EventLoop) { self.loop = loop }

    /// The head has come. `onCancel` is called if the rest is left to the server.
    func begin(_ connection: (any HTTPClientStream)?, onCancel: @escaping () -> Void) {
        self.connection = connection
        self.onCancel = onCancel
    }

    /// What has come since the last time, once there is any; nil at the end.
    /// - Throws: ``HTTPClientFailure`` if it breaks off; `CancellationError`.
    public func read() async throws -> [UInt8]? {
        await readers.wait(on: loop) { received.isEmpty && outcome == nil }
        try Task.checkCancellation()
        guard received.isEmpty else {
            let bytes = received
            received = []
            resume()
            return bytes
        }
        try outcome?.get()
        return nil
    }

    /// Leaves the rest to the server. Idempotent.
    public func cancel() {
        let (connection, onCancel) = (connection, onCancel)
        finish(.failure(HTTPClientFailure(.cancelled, mayHaveBeenReceived: true)))
        connection?.cancel()
        onCancel?()
    }

    func take(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe received.append(contentsOf: $0) }
        if received.count >= Self.limitBytes, !isPaused {
            isPaused = true
            connection?.pauseResponse()
        }
        readers.wake()
    }

    func takeTrailers(_ lines: RawSpan) {
        var fields = FieldIterator(0..<lines.byteCount)
        while let (name, value) = fields.next(in: lines) {
            trailers.append((lines.string(in: name), lines.string(in: value)))
        }
    }

    private func resume() {
        guard isPaused else { return }
        isPaused = false
        connection?.resumeResponse()
    }

    func finish(_ outcome: Result<Void, HTTPClientFailure>) {
        (connection, onCancel) = (nil, nil)
        if self.outcome == nil { self.outcome = outcome }
        readers.wake()
    }
}
