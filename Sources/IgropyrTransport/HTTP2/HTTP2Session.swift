internal import CNGHTTP2
internal import IgropyrHTTP

/// The framing, header compression, flow control and priorities (RFC 9218) of one HTTP/2 connection, by nghttp2; stays
/// on its connection's loop.
///
/// Does no I/O. What was read goes into ``receive(_:)``; frames to be written come into ``output`` by
/// ``produce(upTo:)``. Within these calls the owner hears what happened and may call all else here, but neither of the
/// two.
@safe
final class HTTP2Session {
    /// nghttp2 cannot go on: a client's first bytes are not HTTP/2's, acknowledgements pile up, there is no memory.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32
        var description: String { unsafe String(cString: nghttp2_strerror(code)) }
    }

    /// Why a stream or the connection ends (RFC 9113 §7).
    enum ErrorCode: UInt32 {
        case none = 0x00
        case protocolError = 0x01
        case internalError = 0x02
        case refusedStream = 0x07
        case cancel = 0x08
        case enhanceYourCalm = 0x0B
    }

    enum Role { case server, client }

    /// Frames ready to be written; whoever does that empties it.
    var output: [UInt8] = []
    /// Where ``produce(upTo:)`` stops.
    private(set) var outputLimit = 0
    private let raw: OpaquePointer

    /// The callbacks are the same for all; nothing changes them after this.
    nonisolated(unsafe) private static let callbacks: OpaquePointer? = unsafe makeHTTP2Callbacks()

    /// One end's; its SETTINGS wait to be sent. The owner outlives it.
    init(_ role: Role, owner: HTTP2Connection, settings: HTTP2Settings, headBytes: Int) throws(Failure) {
        var options: OpaquePointer?
        try check(unsafe nghttp2_option_new(&options))
        defer { unsafe nghttp2_option_del(options) }
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_max_outbound_ack(options, settings.queuedFrames)
        // A head was bounded where it came from. nghttp2 itself would leave one beyond 64 KiB unsent, and say so to
        // nobody.
        unsafe nghttp2_option_set_max_send_header_block_length(options, 2 * HTTPLimits.maximumHeadBytes)
        unsafe nghttp2_option_set_builtin_recv_extension_type(options, UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue))
        let owner = unsafe Unmanaged.passUnretained(owner).toOpaque()
        var session: OpaquePointer?
        switch role {
        case .server: try check(unsafe nghttp2_session_server_new2(&session, Self.callbacks, owner, options))
        case .client: try check(unsafe nghttp2_session_client_new2(&session, Self.callbacks, owner, options))
        }
        guard let session = unsafe session else { throw Failure(code: NGHTTP2_ERR_NOMEM.rawValue) }
        unsafe raw = session
        try submit(settings, role, headBytes: headBytes)
    }

    deinit { unsafe nghttp2_session_del(raw) }

    private func submit(_ settings: HTTP2Settings, _ role: Role, headBytes: Int) throws(Failure) {
        var values = [
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, max(settings.streamWindowBytes, 65_535)),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, headBytes),
            (NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        switch role {
        case .server:
            values.append((NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.concurrentStreams))
            if settings.allowsExtendedConnect { values.append((NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1)) }
        case .client: values.append((NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        let entries = values.map {
            nghttp2_settings_entry(settings_id: Int32($0.rawValue), value: UInt32(clamping: min($1, 1 << 31 - 1)))
        }
        try check(unsafe nghttp2_submit_settings(raw, Self.noFlags, entries, entries.count))
        let connectionWindow = Int32(clamping: max(settings.connectionWindowBytes, 65_535))
        try check(unsafe nghttp2_session_set_local_window_size(raw, Self.noFlags, 0, connectionWindow))
    }

    // MARK: Input and output

    /// Takes what was read.
    func receive(_ bytes: RawSpan) throws(Failure) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe nghttp2_session_mem_recv(raw, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        }
        guard result >= 0 else { throw Failure(code: Int32(result)) }
    }

    /// Appends frames to ``output`` until it has `limit` bytes, or a frame more, or nothing can be sent now.
    func produce(upTo limit: Int) throws(Failure) {
        outputLimit = limit
        while output.count < limit {
            var frame: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(raw, &frame)
            guard count >= 0 else { throw Failure(code: Int32(count)) }
            guard count > 0 else { return }
            unsafe output.append(contentsOf: UnsafeBufferPointer(start: frame, count: count))
        }
    }

    /// Lends what ``produce(upTo:)`` has gathered to `body`, which must not call this session, then forgets it.
    func takeOutput(_ body: (RawSpan) -> Void) {
        unsafe body(output.span.bytes)
        output.removeAll(keepingCapacity: true)
    }

    /// Frames other than DATA that wait.
    var queuedFrames: Int { unsafe nghttp2_session_get_outbound_queue_size(raw) }

    /// Both ends have said all that they had to say.
    var isOver: Bool { unsafe nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0 }

    // MARK: Streams

    /// The stream's callbacks go to `stream`, which the owner keeps until ``HTTP2Connection/streamDidClose(_:_:)``.
    func attach(_ stream: HTTP2Stream) {
        let pointer = unsafe Unmanaged.passUnretained(stream).toOpaque()
        unsafe nghttp2_session_set_stream_user_data(raw, stream.id, pointer)
    }

    /// Begins a stream with a request's head, which ends its sending unless there is a body; else as
    /// ``sendHead(_:on:hasBody:)``. It may wait until the server allows one more.
    func sendRequest(_ head: HTTP2FieldBlock, on stream: HTTP2Stream, hasBody: Bool) throws(Failure) {
        let pointer = unsafe Unmanaged.passUnretained(stream).toOpaque()
        let result = unsafe withFields(of: head) { fields in
            unsafe withUnsafePointer(to: stream.bodyProvider) { provider in
                unsafe nghttp2_submit_request(
                    raw, nil, fields.baseAddress, fields.count, hasBody ? provider : nil, pointer)
            }
        }
        try check(result)
        stream.id = result
    }

    /// Requests that the server takes at a time.
    var peerStreamLimit: Int {
        Int(unsafe nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Sends a response's head; ends the stream with it unless there is a body, of which the stream is asked piece by
    /// piece. A stream that is closing swallows it.
    func sendHead(_ head: HTTP2FieldBlock, on stream: HTTP2Stream, hasBody: Bool) throws(Failure) {
        let result = unsafe withFields(of: head) { fields in
            unsafe withUnsafePointer(to: stream.bodyProvider) { provider in
                unsafe nghttp2_submit_response(
                    raw, stream.id, fields.baseAddress, fields.count, hasBody ? provider : nil)
            }
        }
        try check(result)
    }

    /// Sends an interim response (1xx).
    func sendInterimHead(_ head: HTTP2FieldBlock, on stream: HTTP2Stream) throws(Failure) {
        let result = unsafe withFields(of: head) { fields in
            unsafe nghttp2_submit_headers(
                raw, Self.noFlags, stream.id, nil, fields.baseAddress, fields.count, nil)
        }
        try check(result)
    }

    /// Sends the fields after a body, which ends the stream; only from where the body's end is told.
    func sendTrailers(_ head: HTTP2FieldBlock, on stream: HTTP2Stream) throws(Failure) {
        let result = unsafe withFields(of: head) { fields in
            unsafe nghttp2_submit_trailer(raw, stream.id, fields.baseAddress, fields.count)
        }
        try check(result)
    }

    /// nghttp2 copies the fields before it returns.
    private func withFields(of head: HTTP2FieldBlock, _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Int32) -> Int32 {
        unsafe head.bytes.withUnsafeBufferPointer { bytes in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: head.fields.count) { fields in
                let start = unsafe UnsafeMutablePointer(mutating: bytes.baseAddress)
                for (index, field) in head.fields.enumerated() {
                    // The ranges are of `bytes`, which is never empty here.
                    unsafe fields.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: start! + field.name.lowerBound, value: start! + field.value.lowerBound,
                            namelen: field.name.count, valuelen: field.value.count, flags: Self.noFlags))
                }
                return unsafe body(UnsafeBufferPointer(fields))
            }
        }
    }

    /// The stream has something to send again.
    func resume(_ stream: HTTP2Stream) { unsafe nghttp2_session_resume_data(raw, stream.id) }

    func reset(_ stream: HTTP2Stream, _ code: ErrorCode) {
        unsafe nghttp2_submit_rst_stream(raw, Self.noFlags, stream.id, code.rawValue)
    }

    /// Lets the peer send as much again, now or when it is worth a frame.
    func consume(_ byteCount: Int, of stream: HTTP2Stream) {
        unsafe nghttp2_session_consume(raw, stream.id, byteCount)
    }

    /// The same for the stream alone.
    func consumeStream(_ byteCount: Int, of stream: HTTP2Stream) {
        unsafe nghttp2_session_consume_stream(raw, stream.id, byteCount)
    }

    /// The same for the connection alone: the stream's window stays as small as it is.
    func consumeConnection(_ byteCount: Int) { unsafe nghttp2_session_consume_connection(raw, byteCount) }

    /// Lets the peer send that much of this stream ahead, not less than before.
    func widenWindow(of stream: HTTP2Stream, to byteCount: Int) {
        unsafe nghttp2_session_set_local_window_size(raw, Self.noFlags, stream.id, Int32(clamping: byteCount))
    }

    /// Bytes that the peer lets this stream send, its connection aside.
    func windowBytes(of stream: HTTP2Stream) -> Int {
        Int(unsafe nghttp2_session_get_stream_remote_window_size(raw, stream.id))
    }

    /// Whether the peer has to let this stream, or its connection, send more before any more of a body goes out.
    func isSendWindowEmpty(of stream: HTTP2Stream) -> Bool {
        unsafe windowBytes(of: stream) <= 0 || nghttp2_session_get_remote_window_size(raw) <= 0
    }

    /// Whether bodies that were not consumed keep the client from sending any.
    var isReceiveWindowFull: Bool {
        unsafe nghttp2_session_get_effective_recv_data_length(raw)
            >= nghttp2_session_get_effective_local_window_size(raw)
    }

    /// Asks the peer for a sign of life, which it gives by itself (RFC 9113 §6.7).
    func ping() { unsafe nghttp2_submit_ping(raw, Self.noFlags, nil) }

    // MARK: End

    /// Says that the connection is about to end; requests on their way are still welcome (RFC 9113 §6.8).
    func announceEnd() { unsafe nghttp2_submit_shutdown_notice(raw) }

    /// Says that no further requests are taken; those under way go on.
    func refuseRequests() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
        unsafe nghttp2_submit_goaway(raw, Self.noFlags, last, ErrorCode.none.rawValue, nil, 0)
    }

    /// Says why the connection ends; nothing else is sent or heeded.
    func terminate(_ code: ErrorCode) { unsafe nghttp2_session_terminate_session(raw, code.rawValue) }

    static let noFlags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
}

private func check(_ result: Int32) throws(HTTP2Session.Failure) {
    guard result >= 0 else { throw HTTP2Session.Failure(code: result) }
}
