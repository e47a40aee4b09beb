internal import CNGHTTP2

/// Those of every ``HTTP2Session``, whose user data is its owner; nil if there is no memory.
func makeHTTP2Callbacks() -> OpaquePointer? {
    var callbacks: OpaquePointer?
    guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
    unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, willReceiveFrame)
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, didBeginHead)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, didReceiveField)
    unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, didReceiveInvalidField)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, didReceiveFrame)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, didReceiveBody)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, didCloseStream)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, didSendFrame)
    unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendBody)
    return unsafe callbacks
}

private func owner(_ userData: UnsafeMutableRawPointer?) -> HTTP2Connection {
    unsafe Unmanaged<HTTP2Connection>.fromOpaque(userData!).takeUnretainedValue()
}

/// Nil for a stream that was not handed over to the owner, or no more is.
private func stream(_ session: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
    guard let pointer = unsafe nghttp2_session_get_stream_user_data(session, id) else { return nil }
    return unsafe Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
}

/// Ends the call that the callback is from. Once the connection is closed, its streams may be gone.
private let stop = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

private func isType(_ type: UInt8, _ wanted: nghttp2_frame_type) -> Bool { UInt32(type) == wanted.rawValue }

private func endsStream(_ header: nghttp2_frame_hd) -> Bool {
    UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
}

/// Whether a HEADERS frame is a head, not trailers: after an interim response comes another head.
private func isHead(_ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?) -> Bool {
    guard unsafe isType(frame!.pointee.hd.type, NGHTTP2_HEADERS) else { return false }
    guard unsafe frame!.pointee.headers.cat != NGHTTP2_HCAT_REQUEST else { return true }
    return unsafe stream(session, frame!.pointee.hd.stream_id)?.awaitsHead ?? false
}

private func willReceiveFrame(
    _: OpaquePointer?, _ header: UnsafePointer<nghttp2_frame_hd>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    let header = unsafe header!.pointee
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue: break
    case NGHTTP2_DATA.rawValue: if header.length == 0, !endsStream(header) { owner.controlFrameDidArrive() }
    case NGHTTP2_RST_STREAM.rawValue:
        owner.controlFrameDidArrive()
        owner.resetDidArrive()
    default: owner.controlFrameDidArrive()
    }
    return 0
}

private func didBeginHead(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    if unsafe isHead(session, frame) { owner.headDidBegin() } else { owner.trailersDidBegin() }
    return 0
}

private func didReceiveField(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
    _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _: UInt8, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    let mayGoOn =
        if unsafe isHead(session, frame) {
            unsafe owner.fieldDidArrive(
                UnsafeRawBufferPointer(start: name, count: nameCount).bytes,
                UnsafeRawBufferPointer(start: value, count: valueCount).bytes)
        } else {
            unsafe owner.trailerDidArrive(
                UnsafeRawBufferPointer(start: name, count: nameCount).bytes,
                UnsafeRawBufferPointer(start: value, count: valueCount).bytes)
        }
    return mayGoOn ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
}

/// nghttp2 would overlook such a field: the message is malformed instead (RFC 9113 §8.1.1).
private func didReceiveInvalidField(
    _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _: UnsafePointer<UInt8>?, _: Int, _: UnsafePointer<UInt8>?,
    _: Int, _: UInt8, _: UnsafeMutableRawPointer?
) -> Int32 { NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }

private func didReceiveFrame(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    let header = unsafe frame!.pointee.hd
    if unsafe isHead(session, frame) {
        let stream = unsafe stream(session, header.stream_id)
        owner.headDidEnd(stream, header.stream_id, byteCount: header.length, endsStream: endsStream(header))
    } else if isType(header.type, NGHTTP2_HEADERS) || isType(header.type, NGHTTP2_DATA), endsStream(header) {
        let stream = unsafe stream(session, header.stream_id)
        if isType(header.type, NGHTTP2_HEADERS) { owner.trailersDidEnd(stream) }
        stream?.messageDidEnd()
    } else if isType(header.type, NGHTTP2_GOAWAY) {
        owner.goAwayDidArrive()
    }
    return owner.isClosed ? stop : 0
}

private func didReceiveBody(
    _ session: OpaquePointer?, _: UInt8, _ id: Int32, _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    owner.bodyDidArrive(byteCount: count)
    unsafe stream(session, id)?.bodyDidArrive(UnsafeRawBufferPointer(start: bytes, count: count).bytes)
    return owner.isClosed ? stop : 0
}

private func didCloseStream(
    _ session: OpaquePointer?, _ id: Int32, _ code: UInt32, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    if let stream = unsafe stream(session, id) { owner.streamDidClose(stream, code) }
    return owner.isClosed ? stop : 0
}

private func didSendFrame(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    let header = unsafe frame!.pointee.hd
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue, NGHTTP2_HEADERS.rawValue:
        if endsStream(header) { unsafe stream(session, header.stream_id)?.sendingDidEnd() }
    case NGHTTP2_RST_STREAM.rawValue: owner.resetDidGoOut(unsafe frame!.pointee.rst_stream.error_code)
    case NGHTTP2_GOAWAY.rawValue: owner.goAwayDidGoOut(unsafe frame!.pointee.goaway.error_code)
    default: break
    }
    return 0
}

extension HTTP2Stream {
    /// How a session gets at what the stream has to send.
    var bodyProvider: nghttp2_data_provider {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = Unmanaged.passUnretained(self).toOpaque()
        unsafe provider.read_callback = willSendBody
        return unsafe provider
    }
}

/// How much of a body the next DATA frame takes; ``sendBody`` moves it.
private func willSendBody(
    _: OpaquePointer?, _: Int32, _: UnsafeMutablePointer<UInt8>?, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>?,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ userData: UnsafeMutableRawPointer?
) -> Int {
    guard unsafe !owner(userData).isClosed else { return Int(stop) }
    let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
    let count = min(limit, stream.body.count)
    let isLast = stream.isSendingEnded && count == stream.body.count
    guard count > 0 || isLast else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    guard isLast else { return count }
    unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
    guard let trailers = stream.trailers else { return count }
    unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
    do throws(HTTP2Session.Failure) {
        try unsafe owner(userData).session.sendTrailers(trailers, on: stream)
    } catch { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    return count
}

/// Moves a DATA frame to the output; padding was not asked for.
private func sendBody(
    _: OpaquePointer?, _: UnsafeMutablePointer<nghttp2_frame>?, _ header: UnsafePointer<UInt8>?, _ count: Int,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    let owner = unsafe owner(userData)
    guard !owner.isClosed else { return stop }
    let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(source!.pointee.ptr).takeUnretainedValue()
    unsafe owner.session.output.append(contentsOf: UnsafeBufferPointer(start: header, count: 9))
    stream.body.take(count, into: &owner.session.output)
    stream.didSend(count)
    return owner.session.output.count < owner.session.outputLimit ? 0 : NGHTTP2_ERR_PAUSE.rawValue
}
