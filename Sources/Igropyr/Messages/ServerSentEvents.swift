internal import HTTPTypes
internal import IgropyrTime
internal import IgropyrUV

/// One event of a stream that a browser's `EventSource` reads (the HTML standard, §9.2).
public struct ServerSentEvent: Sendable, Hashable {
    /// Any text; may have several lines.
    public var data: String
    /// What the browser dispatches it as; nil for `message`. Line ends in it become spaces.
    public var event: String?
    /// What the browser says it has seen last when it comes again: ``Request/lastEventID``. As ``event``.
    public var id: String?
    /// How long the browser should wait before it comes again.
    public var retry: Duration?

    public init(_ data: String, event: String? = nil, id: String? = nil, retry: Duration? = nil) {
        self.data = data
        self.event = event
        self.id = id
        self.retry = retry
    }

    /// As it goes over the wire.
    var text: String {
        var text = ""
        if let id { text += "id: \(id.onOneLine)\n" }
        if let event { text += "event: \(event.onOneLine)\n" }
        if let retry { text += "retry: \(retry.millisecondsRoundedUp)\n" }
        for line in data.linesOfAnyEnd { text += "data: \(line)\n" }
        return text + "\n"
    }
}

/// Events as they happen: a response that lasts.
///
/// ```swift
/// app.get("/clock") { request in ServerSentEvents(ticks(after: request.lastEventID)) }
/// ```
///
/// The sequence is asked for the next event when the client has taken the last one, and cancelled when the client goes
/// away. When the server stops, it is cancelled as well, and the response ends as it should: a browser comes again by
/// itself, to whoever serves then.
public struct ServerSentEvents: ResponseConvertible {
    private let stream: (ResponseWriter) async throws -> Void

    /// After the time of `heartbeat` without an event a comment is sent, so that no proxy takes the connection for dead
    /// and a client that is gone is noticed; a millisecond at least. Nil for none.
    public init<Events: AsyncSequence>(
        _ events: Events, heartbeat: Duration? = .seconds(15)
    ) where Events.Element == ServerSentEvent {
        stream = { writer in
            let exchange = writer.exchange
            let beat = try heartbeat.map { try Heartbeat(writer, every: max($0, .milliseconds(1))) }
            exchange.onDrain = { exchange.cancelTask() }
            defer {
                beat?.close()
                exchange.onDrain = nil
            }
            guard !exchange.isDraining else { return }
            var failure: (any Error)?
            do {
                for try await event in events {
                    if let beat { try await beat.write(event) } else { try await writer.write(event.text) }
                    if exchange.isDraining { break }
                }
            } catch {
                failure = error
            }
            await beat?.end()
            // How a sequence says that it was cancelled is its own affair: a database has an error for it.
            if let failure, !exchange.isDraining || exchange.isOver { throw failure }
        }
    }

    public func makeResponse(for request: Request) -> Response {
        var response = Response(contentType: "text/event-stream", stream: stream)
        response.fields[.cacheControl] = "no-store"
        response.fields[Self.buffering] = "no"  // nginx would hold events back.
        return response
    }

    private static let buffering = HTTPField.Name("X-Accel-Buffering")!
}

extension Request {
    /// The id of the last event that the browser got before it came again.
    public var lastEventID: String? { header("Last-Event-ID") }
}

/// Sends a comment whenever there was no event for a while and the client keeps up. It goes the way of the events, by
/// compression and middleware, and never between the pieces of one.
private final class Heartbeat {
    private let writer: ResponseWriter
    private let interval: Duration
    private let timer: Timer
    private var isResting = false
    private var isWriting = false
    /// Writes a comment.
    private var beat: Task<Void, Never>?

    init(_ writer: ResponseWriter, every interval: Duration) throws(UVError) {
        self.writer = writer
        self.interval = interval
        timer = try Timer(on: writer.exchange.connection.loop)
        try start()
    }

    /// The next interval needs no comment.
    func write(_ event: ServerSentEvent) async throws {
        isResting = true
        isWriting = true
        defer { isWriting = false }
        await beat?.value
        try await writer.write(event.text)
    }

    /// Returns once no comment is being written, and none will be.
    func end() async {
        timer.close()
        await beat?.value
    }

    func close() { timer.close() }

    private func start() throws(UVError) {
        try timer.start(after: interval) { [self] in timeDidPass() }
    }

    private func timeDidPass() {
        let connection = writer.exchange.connection
        if !isResting, !isWriting, beat == nil, !writer.exchange.isOver, connection.canWrite {
            nonisolated(unsafe) let heartbeat = self  // It runs on this thread.
            beat = Task(executorPreference: connection.loop) {
                try? await unsafe heartbeat.writer.write(": \n\n")
                unsafe heartbeat.beat = nil
            }
        }
        isResting = false
        try? start()  // It could be started once, so it can again.
    }
}

extension String {
    /// Line ends would begin another field of the event.
    fileprivate var onOneLine: String { linesOfAnyEnd.joined(separator: " ") }

    /// Ends are CR LF, LF and CR, as a browser sees them. Swift takes CR LF for one character.
    fileprivate var linesOfAnyEnd: [Substring] {
        split(omittingEmptySubsequences: false) { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }
    }
}
