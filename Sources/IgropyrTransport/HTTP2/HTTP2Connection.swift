internal import IgropyrHTTP
internal import IgropyrUV

/// What both ends of an HTTP/2 connection have in common: its streams, and the fields that come.
///
/// What is to be sent is gathered until the loop's turn, or what was read, is through, and goes out in pieces as the
/// peer takes them.
class HTTP2Connection {
    /// Produced and handed to the socket at once.
    private static let pieceBytes = 64 << 10

    final let stream: ByteStream
    final private(set) var session: HTTP2Session!
    final private(set) var streams: [HTTP2Stream] = []
    /// Bytes of bodies that wait in the streams.
    final var queuedBytes = 0
    /// Used by one stream at a time, while it makes its head.
    final var spareHead: HTTP2FieldBlock? = HTTP2FieldBlock()
    private let limits: HTTPLimits
    private let firstWindowBytes: Int
    private let wideWindowBytes: Int
    private var trailers = TrailerFields()
    private var trailerCount = 0
    private var trailerBytes = 0
    private var isProcessing = false
    private var isSending = false
    private var isSendScheduled = false
    /// In this sending.
    private var hasWritten = false
    /// Streams whose queue has become empty in this sending.
    private var drained: [HTTP2Stream] = []

    /// - Throws: if nghttp2 has no memory.
    init(
        _ role: HTTP2Session.Role, on stream: ByteStream, _ settings: HTTP2Settings, limits: HTTPLimits
    ) throws(HTTP2Session.Failure) {
        self.stream = stream
        self.limits = limits
        firstWindowBytes = settings.streamWindowBytes
        wideWindowBytes = settings.wideWindowBytes
        session = try HTTP2Session(role, owner: self, settings: settings, headBytes: limits.headBytes)
    }

    final var loop: EventLoop { stream.loop }

    // MARK: What the two ends do differently

    var isClosed: Bool { true }
    /// Whether frames may go out now.
    var mayWrite: Bool { !isClosed }
    /// A frame that carries neither a head nor a part of a body.
    func controlFrameDidArrive() {}
    func resetDidArrive() {}
    func headDidBegin() {}
    /// - Returns: false for a head that is so large that not even its rest is to be looked at.
    func fieldDidArrive(_ name: RawSpan, _ value: RawSpan) -> Bool { true }
    /// `stream` is nil for a request's, which makes one.
    func headDidEnd(_ stream: HTTP2Stream?, _ id: Int32, byteCount: Int, endsStream: Bool) {}
    /// A part of a body, without padding.
    func bodyDidArrive(byteCount: Int) {}
    /// Whether one more stream's peer may send further ahead.
    var mayWiden: Bool { true }
    func streamDidWiden() {}
    func goAwayDidArrive() {}
    func resetDidGoOut(_ code: UInt32) {}
    func goAwayDidGoOut(_ code: UInt32) {}
    /// Memory for frames, which the connections of a loop share: takes it, and gives it back.
    func swapFrames() {}
    /// Some was written; the socket may have taken all of it.
    func didWrite() {}
    func streamsDidChange() {}
    /// Ends the connection if all was said.
    func endIfOver() {}
    /// Cuts the connection at once.
    func abort() {}

    // MARK: Input

    /// - Returns: why nghttp2 cannot go on.
    final func process(_ bytes: RawSpan) -> HTTP2Session.Failure? {
        isProcessing = true
        defer { isProcessing = false }
        do throws(HTTP2Session.Failure) { try session.receive(bytes) } catch { return error }
        return nil
    }

    final func trailersDidBegin() {
        trailers = TrailerFields()
        (trailerCount, trailerBytes) = (0, 0)
    }

    /// - Returns: false for more, or for something else, than there may be; the stream is reset then.
    final func trailerDidArrive(_ name: RawSpan, _ value: RawSpan) -> Bool {
        trailerCount += 1
        trailerBytes += name.byteCount + value.byteCount
        if trailerCount <= limits.fields, trailerBytes <= limits.trailerBytes,
            (try? trailers.append(name: name, value: value)) != nil
        {
            return true
        }
        // nghttp2 calls it an internal error; it is the peer's doing.
        resetDidArrive()
        return false
    }

    final func trailersDidEnd(_ stream: HTTP2Stream?) {
        stream?.trailersDidArrive(trailers)
        trailers = TrailerFields()
    }

    // MARK: Streams

    final func add(_ stream: HTTP2Stream) {
        stream.index = streams.count
        streams.append(stream)
    }

    final func streamDidClose(_ stream: HTTP2Stream, _ code: UInt32) {
        let last = streams.removeLast()
        if last !== stream {
            streams[stream.index] = last
            last.index = stream.index
        }
        stream.didClose(code)
        if !isClosed { streamsDidChange() }
    }

    /// Tells all that the connection has ended.
    final func closeStreams() {
        let all = streams
        streams = []
        for stream in all { stream.didClose(nil) }
    }

    /// All that the stream had to send is on its way, and more may follow.
    final func noteDrained(_ stream: HTTP2Stream) { drained.append(stream) }

    /// Some of the body that the peer sends was taken. It goes on at the pace of one window for each round trip: who
    /// takes a whole one is likely to take more.
    final func noteTaken(_ byteCount: Int, by stream: HTTP2Stream) {
        guard !stream.hasWideWindow else { return }
        stream.takenBytes += byteCount
        guard stream.takenBytes >= firstWindowBytes, wideWindowBytes > firstWindowBytes, mayWiden else { return }
        stream.hasWideWindow = true
        session.widenWindow(of: stream, to: wideWindowBytes)
        streamDidWiden()
    }

    // MARK: Output

    /// Has ``send()`` called once what goes on now is through.
    final func scheduleSend() {
        guard !isProcessing, !isSendScheduled else { return }
        isSendScheduled = true
        loop.submitLocally { [self] in
            isSendScheduled = false
            send()
        }
    }

    /// Sends at once, where that is possible.
    final func flush() {
        guard !isProcessing, !isSending else { return }
        send()
    }

    /// Sends as much as the peer takes, then tells the streams that can go on.
    final func send() {
        guard !isProcessing, !isSending, mayWrite else { return }
        isSending = true
        hasWritten = false
        swapFrames()
        let failure = sendPieces()
        if session.output.capacity > 4 * Self.pieceBytes { session.output = [] }
        swapFrames()
        isSending = false
        guard !isClosed else { return }
        if failure != nil { return abort() }
        if hasWritten { didWrite() }
        if !drained.isEmpty { scheduleSend() }
        notifyDrained()
        if !isClosed { endIfOver() }
    }

    /// Stops after a piece that has emptied a stream: what is less urgent must not go before what that one says next.
    private func sendPieces() -> HTTP2Session.Failure? {
        while !isClosed, drained.isEmpty, stream.queuedBytes < Self.pieceBytes {
            do throws(HTTP2Session.Failure) {
                try session.produce(upTo: Self.pieceBytes)
            } catch { return error }
            let count = session.output.count
            guard count > 0 else { return nil }
            session.takeOutput { stream.write($0) }
            hasWritten = true
            guard count >= Self.pieceBytes else { return nil }
        }
        return nil
    }

    private func notifyDrained() {
        guard !drained.isEmpty else { return }
        let streams = drained
        drained.removeAll(keepingCapacity: true)
        for stream in streams { stream.didDrain() }
    }
}
