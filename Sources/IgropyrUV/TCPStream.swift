internal import CLibUV
internal import Glibc

/// What a ``TCPStream`` tells its owner, on the loop.
public protocol TCPStreamDelegate: AnyObject {
    /// Bytes arrived; they are lent for the length of the call.
    func streamDidRead(_ bytes: RawSpan)
    /// The peer will send no more; it may still read.
    func streamDidEnd()
    /// All that was written is with the kernel again; called only after ``TCPStream/write(_:)`` had to queue.
    func streamDidDrain()
    /// The connection is broken. Close the stream; nothing else is called.
    func streamDidFail(_ error: UVError)
}

/// A TCP connection on an event loop; not `Sendable`, so it stays there.
///
/// libuv owns the handle from `uv_tcp_init` until it has closed it, and just that long this object is retained.
@safe
public final class TCPStream {
    public let loop: EventLoop
    private let memory = unsafe HandleMemory<uv_tcp_t>()
    private var isClosing = false
    private var closesAfterWriting = false
    /// Written since the kernel refused to take anything more.
    private var lostBytes = 0
    /// -1 until it was asked for, and once closed: then it may be another's.
    @safe @exclusivity(unchecked) private var knownDescriptor: Int32 = -1
    fileprivate var onConnect: ((UVError?) -> Void)?

    /// Strong: the owner of a connection lives as long as the connection is open. ``close()`` lets go of it.
    @safe @exclusivity(unchecked)  // Used for each piece of input, where that check shows in the profile.
    public var delegate: (any TCPStreamDelegate)?

    /// A stream that is not yet connected.
    public init(on loop: EventLoop) throws(UVError) {
        loop.preconditionOnLoop()
        self.loop = loop
        try check(unsafe uv_tcp_init(loop.raw, memory.pointer), "uv_tcp_init")
        unsafe memory.retain(owner: self)
    }

    /// Takes over a connected, non-blocking descriptor; closes it even if this throws.
    convenience init(on loop: EventLoop, owning descriptor: Int32) throws(UVError) {
        do throws(UVError) {
            try self.init(on: loop)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        do throws(UVError) {
            try check(unsafe uv_tcp_open(memory.pointer, descriptor), "uv_tcp_open")
        } catch {
            close()
            Glibc.close(descriptor)
            throw error
        }
        unsafe uv_tcp_nodelay(memory.pointer, 1)
    }

    deinit { unsafe memory.deallocate() }

    private var stream: UnsafeMutablePointer<uv_stream_t> { unsafe memory.pointer.asStream }

    /// The kernel's number for the socket, for calls that libuv does not have; -1 once closed.
    private var descriptor: Int32 {
        if knownDescriptor < 0 { unsafe uv_fileno(memory.pointer.asHandle, &knownDescriptor) }
        return knownDescriptor
    }

    public var peerAddress: SocketAddress? { isClosing ? nil : SocketAddress.peer(of: descriptor) }
    public var localAddress: SocketAddress? { isClosing ? nil : SocketAddress.local(of: descriptor) }

    /// Connects, and calls `onConnect` once: with nil when the stream can be used, or with what went wrong; then close
    /// it. There is no time limit but the kernel's: ``close()`` ends the attempt, with `UV_ECANCELED`.
    public func connect(to address: SocketAddress, onConnect: @escaping (UVError?) -> Void) {
        self.onConnect = onConnect
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        let result = unsafe address.withSockaddr { sockaddr, _ in
            unsafe uv_tcp_connect(request, memory.pointer, sockaddr, didConnect)
        }
        guard result < 0 else { return }
        unsafe request.deallocate()
        loop.submitLocally { [self] in finishConnecting(result) }
    }

    fileprivate func finishConnecting(_ status: Int32) {
        let completion = onConnect
        onConnect = nil
        if status == 0 { unsafe uv_tcp_nodelay(memory.pointer, 1) }
        completion?(status == 0 ? nil : UVError(code: status, call: "connect"))
    }

    /// Begins to read, or goes on after ``stopReading()``.
    public func startReading() {
        guard !isClosing else { return }
        let result = unsafe uv_read_start(stream, lendNothing, canRead)
        precondition(result == 0 || result == UV_EALREADY.rawValue || result == UV_ENOTCONN.rawValue, "uv_read_start")
    }

    /// What arrives stays with the kernel, which in the end stops the peer.
    public func stopReading() {
        guard !isClosing else { return }
        unsafe uv_read_stop(stream)
    }

    /// Bytes that were written and that the kernel has not taken yet. What is written to a broken connection counts,
    /// too: its owner hears of the breach later, and must not go on meanwhile as if the peer took all.
    public var queuedBytes: Int { isClosing ? 0 : unsafe lostBytes + memory.pointer.pointee.write_queue_size }

    /// Bytes that the kernel has taken and that the peer's has not acknowledged. One system call.
    public var unacknowledgedBytes: Int {
        guard !isClosing else { return 0 }
        var count: Int32 = 0
        return unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    /// Sends bytes, after all that was written before. What the kernel does not take at once is copied and queued
    /// without a limit: an owner that may be made to write much watches ``queuedBytes`` and waits for
    /// ``TCPStreamDelegate/streamDidDrain()``. An error is reported to the delegate, later.
    ///
    /// With `moreFollows` the kernel may hold back an incomplete packet, 200 ms at most, for what is sent next.
    public func write(_ bytes: RawSpan, moreFollows: Bool = false) {
        guard !isClosing, bytes.byteCount > 0 else { return }
        guard lostBytes == 0 else { return lostBytes += bytes.byteCount }
        unsafe bytes.withUnsafeBytes { unsafe write($0, moreFollows) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, _ moreFollows: Bool) {
        var sent = 0
        if queuedBytes == 0 {
            let result = unsafe send(bytes, moreFollows)
            guard result >= 0 || result == UV_EAGAIN.rawValue else { return failLater(result, losing: bytes.count) }
            sent = max(0, Int(result))
        }
        guard sent < bytes.count else { return }
        let write = unsafe StreamWrite(copying: UnsafeRawBufferPointer(rebasing: bytes[sent...]), onEnd: finishWriting)
        let result = unsafe write.submit(to: stream)
        if result < 0 { failLater(result, losing: bytes.count - sent) }
    }

    /// As `uv_try_write`, which takes no flags; and `write` costs the kernel more than `send` does.
    private func send(_ bytes: UnsafeRawBufferPointer, _ moreFollows: Bool) -> Int32 {
        let flags = Int32(MSG_NOSIGNAL) | (moreFollows ? Int32(MSG_MORE) : 0)
        let sent = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
        guard sent < 0 else { return Int32(sent) }
        return errno == EINTR ? UV_EAGAIN.rawValue : -errno
    }

    /// Within a write no owner expects to be called back.
    private func failLater(_ code: Int32, losing count: Int) {
        lostBytes = count
        loop.submitLocally { [self] in delegate?.streamDidFail(UVError(code: code, call: "write")) }
    }

    private func finishWriting(_ status: Int32) {
        guard status != UV_ECANCELED.rawValue else { return }  // Closed by the owner.
        if status < 0 {
            delegate?.streamDidFail(UVError(code: status, call: "write"))
        } else if queuedBytes == 0 {
            delegate?.streamDidDrain()
        }
    }

    /// Sends a part of a file without copying it through this process, as far as the kernel takes it now.
    /// - Returns: the bytes sent; 0 if the socket is full, or others wait before them.
    /// - Throws: `UV_EPIPE`, `UV_ECONNRESET`; `UV_EIO` and the like if the file cannot be read.
    public func trySendFile(_ file: Int32, offset: Int64, count: Int) throws(UVError) -> Int {
        guard !isClosing, queuedBytes == 0 else { return 0 }
        var position = off_t(offset)
        let sent = unsafe sendfile(descriptor, file, &position, count)
        guard sent < 0 else { return sent }
        guard errno != EAGAIN, errno != EINTR else { return 0 }
        throw UVError(errno: errno, "sendfile")
    }

    /// Has the kernel ask the peer whether the connection stands when nothing came for `idle` (whole seconds, at least
    /// 1); one that does not stand fails.
    public func setKeepAlive(after idle: Duration) {
        guard !isClosing else { return }
        unsafe uv_tcp_keepalive(memory.pointer, 1, UInt32(clamping: max(1, idle.components.seconds)))
    }

    /// Ends this side's sending, after all that was written; the peer may go on to send.
    public func endWriting() {
        guard !isClosing else { return }
        guard queuedBytes > 0 else {  // uv_shutdown would have epoll watch for room to write first.
            Glibc.shutdown(descriptor, Int32(SHUT_WR))
            return didEndWriting()
        }
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        guard unsafe uv_shutdown(request, stream, didShutDown) < 0 else { return }
        unsafe request.deallocate()
        if closesAfterWriting { close() }
    }

    /// Closes once all that was written is with the kernel, however long the peer takes to accept it: arm a timer that
    /// calls ``close()``. What still arrives is thrown away unread.
    public func closeAfterWriting() {
        stopReading()
        closesAfterWriting = true
        endWriting()
    }

    fileprivate func didEndWriting() {
        if closesAfterWriting { close() }
    }

    /// Idempotent. What is queued and not sent is lost; the delegate is let go and not called again.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        delegate = nil
        unsafe memory.close()
        knownDescriptor = -1
    }

    /// Like ``close()``, and tells the peer so by a reset: what it has not read yet may be lost, too. The kernel lets
    /// go at once of what it holds for the peer, which after ``close()`` it keeps for as long as the peer cares to
    /// answer.
    public func reset() {
        guard !isClosing else { return }
        isClosing = true
        delegate = nil
        // As uv_tcp_close_reset does, which refuses to once endWriting() was called.
        var atOnce = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
        unsafe memory.close()
        knownDescriptor = -1
    }

    /// Whether the peer has reset the connection, or the kernel has given it up. The delegate of a stream that is read
    /// hears of that by itself; while it is not read, and once the peer has sent its end, nobody else says so.
    public var isBroken: Bool {
        guard !isClosing else { return true }
        var state = pollfd(fd: descriptor, events: 0, revents: 0)  // Errors, and an end both ways, come unasked.
        return unsafe poll(&state, 1, 0) > 0
    }

    /// Pieces taken in one go before other connections have their turn, as libuv does.
    private static let piecesPerTurn = 32

    /// Reads as libuv would, but by `recv`, which costs the kernel less than `read` does.
    fileprivate func receive() {
        var pieces = Self.piecesPerTurn
        while pieces > 0, !isClosing, unsafe uv_is_active(memory.pointer.asHandle) != 0 {
            let count = unsafe recv(descriptor, loop.scratch.baseAddress, loop.scratch.count, 0)
            guard count > 0 else { return finishReceiving(count) }
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: loop.scratch[..<count])
            unsafe delegate?.streamDidRead(bytes.bytes)
            guard unsafe count == loop.scratch.count else { return }
            pieces -= 1
        }
    }

    private func finishReceiving(_ result: Int) {
        guard result < 0 else {
            stopReading()
            delegate?.streamDidEnd()
            return
        }
        let code = errno
        guard code != EAGAIN, code != EINTR else { return }
        stopReading()
        delegate?.streamDidFail(UVError(errno: code, "read"))
    }
}

extension uv_buf_t {
    /// A buffer that libuv only reads from.
    init(reading bytes: UnsafeRawBufferPointer) {
        let base = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        unsafe self.init(base: base?.assumingMemoryBound(to: CChar.self), len: bytes.count)
    }
}

private func didConnect(_ request: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
    let stream = unsafe owner(of: request!.pointee.handle, as: TCPStream.self)
    unsafe request!.deallocate()
    stream.finishConnecting(status)
}

/// Has libuv leave the reading to ``canRead``, see `uv_alloc_cb`.
private func lendNothing(
    _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int, _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
    unsafe buffer!.pointee = uv_buf_t(base: nil, len: 0)
}

/// Called when there is something to read, with `UV_ENOBUFS` since it was lent nothing to read into.
private func canRead(_ handle: UnsafeMutablePointer<uv_stream_t>?, _: Int, _: UnsafePointer<uv_buf_t>?) {
    unsafe withOwner(of: handle, as: TCPStream.self) { $0.receive() }
}

private func didShutDown(_ request: UnsafeMutablePointer<uv_shutdown_t>?, _ status: Int32) {
    let stream = unsafe owner(of: request!.pointee.handle, as: TCPStream.self)
    unsafe request!.deallocate()
    stream.didEndWriting()
}
