internal import CLibUV
internal import Glibc

/// A pipe, a Unix socket or a TCP connection that is read little further than its user asks for, and so makes the other
/// side wait; for conversations with programs. Not `Sendable`: it stays on its loop, and is used by one reader and one
/// writer.
@safe
public final class PulledStream {
    /// Where a program listens.
    public enum Address: Sendable, Hashable, CustomStringConvertible {
        case tcp(SocketAddress)
        /// A path in the file system, of at most 107 bytes.
        case unix(String)

        public var description: String {
            switch self {
            case .tcp(let address): "\(address)"
            case .unix(let path): "unix:\(path)"
            }
        }
    }

    fileprivate let loop: EventLoop
    private let memory = unsafe HandleMemory<uv_any_handle>()
    private var isClosing = false
    @safe @exclusivity(unchecked)  // As in ``EventLoop``: that check shows in the profile of a request.
    private var received: [UInt8]?
    private var hasEnded = false
    private var failure: UVError?
    private var isConnecting = false
    /// Of reads that have to be over in time; made by the first of these.
    private var timer: Timer?
    private var isLate = false
    private let readers = WaitingTasks()
    private let writers = WaitingTasks()

    private init(on loop: EventLoop, isPipe: Bool) throws(UVError) {
        loop.preconditionOnLoop()
        self.loop = loop
        if isPipe {
            try check(unsafe uv_pipe_init(loop.raw, pipe, 0), "uv_pipe_init")
        } else {
            try check(unsafe uv_tcp_init(loop.raw, tcp), "uv_tcp_init")
        }
        unsafe memory.retain(owner: self)
    }

    /// Takes over one end of a pipe, or a Unix socket; closes it even if this throws.
    public convenience init(on loop: EventLoop, owning descriptor: Int32) throws(UVError) {
        try self.init(on: loop, owning: descriptor, isPipe: true)
    }

    private convenience init(on loop: EventLoop, owning descriptor: Int32, isPipe: Bool) throws(UVError) {
        let end = Descriptor(owning: descriptor)
        try self.init(on: loop, isPipe: isPipe)
        do throws(UVError) {
            if isPipe {
                try check(unsafe uv_pipe_open(pipe, descriptor), "uv_pipe_open")
            } else {
                try check(unsafe uv_tcp_open(tcp, descriptor), "uv_tcp_open")
            }
        } catch {
            close()
            throw error
        }
        _ = end.take()  // libuv's.
    }

    deinit { unsafe memory.deallocate() }

    private var stream: UnsafeMutablePointer<uv_stream_t> { unsafe memory.pointer.asStream }
    private var pipe: UnsafeMutablePointer<uv_pipe_t> {
        unsafe UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: uv_pipe_t.self)
    }
    private var tcp: UnsafeMutablePointer<uv_tcp_t> {
        unsafe UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: uv_tcp_t.self)
    }

    // MARK: Connecting

    /// Waits until the program has accepted, however long the kernel lets it: ``close()`` ends that, and so does the
    /// task's cancellation.
    /// - Throws: `UV_ENOENT`, `UV_ECONNREFUSED`, `UV_EAGAIN` (a Unix socket's queue is full), `UV_ECANCELED`.
    public static func connect(to address: Address, on loop: EventLoop) async throws(UVError) -> PulledStream {
        switch address {
        case .tcp(let address): try await connect(to: address, on: loop)
        case .unix(let path): try connect(toUnix: path, on: loop)
        }
    }

    private static func connect(to address: SocketAddress, on loop: EventLoop) async throws(UVError) -> PulledStream {
        let stream = try PulledStream(on: loop, isPipe: false)
        do throws(UVError) {
            try stream.begin(connectingTo: address)
            await stream.writers.wait(on: loop) { stream.isConnecting }
            if let failure = stream.failure { throw failure }
            if stream.isConnecting || stream.isClosing { throw UVError(code: UVError.cancelled, call: "connect") }
        } catch {
            stream.close()
            throw error
        }
        return stream
    }

    /// The kernel connects at once or not at all (unix(7)); libuv would say so in the loop's next turn.
    public static func connect(toUnix path: String, on loop: EventLoop) throws(UVError) -> PulledStream {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(AF_UNIX, kind, 0), errnoOf: "socket"))
        _ = try unsafe UnixAddress.with(path) { address, length throws(UVError) in
            try check(unsafe Glibc.connect(socket.number, address, length), errnoOf: "connect")
        }
        // For any socket that is a stream; who takes it for a pipe asks the kernel for its flags first.
        return try PulledStream(on: loop, owning: socket.take(), isPipe: false)
    }

    private func begin(connectingTo address: SocketAddress) throws(UVError) {
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        isConnecting = true
        let result = unsafe address.withSockaddr { sockaddr, _ in
            unsafe uv_tcp_connect(request, tcp, sockaddr, didConnect)
        }
        if result < 0 { unsafe request.deallocate() }
        try check(result, "connect")
    }

    fileprivate func finishConnecting(_ status: Int32) {
        isConnecting = false
        if status < 0 { failure = UVError(code: status, call: "connect") }
        writers.wake()
    }

    // MARK: Reading

    /// The next bytes that come, 128 KiB at most; nil at the end. `limit` is how long to wait for them, in whole
    /// milliseconds, rounded up; nil for as long as it takes. Who sees to it that the stream is closed when the task is
    /// cancelled says so by `isClosedWithTask`: to ask for that at each read costs more than all else that a read does
    /// here.
    /// - Throws: `CancellationError`; what broke the stream; `UV_ECANCELED` if it was closed; `UV_ETIMEDOUT` when the
    ///   time is over, after which the stream can be read again.
    public func read(within limit: Duration? = nil, isClosedWithTask: Bool = false) async throws -> [UInt8]? {
        if hasNothing {
            try startReading(within: limit)
            if isClosedWithTask {
                await readers.wait { hasNothing && !isLate }
            } else {
                await readers.wait(on: loop) { hasNothing && !isLate }
            }
        }
        return try takeRead()
    }

    private func startReading(within limit: Duration?) throws(UVError) {
        let result = unsafe uv_read_start(stream, willRead, didRead)
        try check(result == UV_EALREADY.rawValue ? 0 : result, "uv_read_start")
        if let limit { try startTimer(limit) }
    }

    private func takeRead() throws -> [UInt8]? {
        timer?.cancel()
        let isTimedOut = isLate
        isLate = false
        try Task.checkCancellation()
        if let received {
            self.received = nil
            return received
        }
        if hasEnded { return nil }
        throw failure ?? UVError(code: isTimedOut && !isClosing ? UVError.timedOut : UVError.cancelled, call: "read")
    }

    /// Neither bytes nor what keeps them from coming.
    private var hasNothing: Bool { received == nil && !hasEnded && failure == nil && !isClosing }

    private func startTimer(_ limit: Duration) throws(UVError) {
        if timer == nil { timer = try Timer(on: loop) }
        try timer?.start(after: limit) { [self] in
            isLate = true
            readers.wake()
        }
    }

    fileprivate func take(_ count: Int) {
        if count > 0 {
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: loop.scratch[..<count])
            guard received != nil else {
                received = unsafe [UInt8](bytes)
                return readers.wake()  // To stop and to start again would cost two calls for each answer of a program.
            }
            unsafe received?.append(contentsOf: bytes)
        } else if count == Int(UV_EOF.rawValue) {
            hasEnded = true
        } else if count < 0 {
            failure = UVError(code: Int32(count), call: "read")
        } else {
            return
        }
        unsafe uv_read_stop(stream)  // The rest stays with the kernel, and at last with the other side.
        readers.wake()
    }

    /// Has the loop watch what rests, so that ``isKnownStale`` tells. What comes, as for ``read(within:)``, is kept for
    /// the next read.
    public func watch() { if hasNothing { unsafe uv_read_start(stream, willRead, didRead) } }

    /// ``isStale``, as far as the loop has seen it; what it has not, as nobody has read or called ``watch()``, or as it
    /// came just now, shows when the stream is used.
    public var isKnownStale: Bool { !hasNothing }

    /// Whether the other side has closed, or said something unasked: what rested cannot be used again. Asks the kernel.
    public var isStale: Bool {
        guard hasNothing else { return true }
        var descriptor: Int32 = -1
        unsafe uv_fileno(memory.pointer.asHandle, &descriptor)
        return IgropyrUV.isStale(descriptor)
    }

    // MARK: Writing

    /// Returns when the kernel has all of it.
    /// - Throws: `CancellationError`; `UV_EPIPE` if nobody will read it; `UV_ECANCELED` if the stream was closed.
    public func write(_ bytes: [UInt8]) async throws {
        try enqueue(bytes)
        await writers.wait(on: loop) { hasQueue && failure == nil && !isClosing }
        try Task.checkCancellation()
        if let failure { throw failure }
        if isClosing { throw UVError(code: UVError.cancelled, call: "write") }
    }

    /// Does not wait: what the kernel does not take at once is held until it does, so this is for what is short.
    /// - Throws: as ``write(_:)``, but for `CancellationError`.
    public func enqueue(_ bytes: [UInt8]) throws(UVError) {
        guard !isClosing else { throw UVError(code: UVError.cancelled, call: "write") }
        guard !bytes.isEmpty else { return }
        try check(unsafe bytes.withUnsafeBytes { unsafe send($0) }, "write")
    }

    /// What the kernel does not take at once is queued.
    private func send(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        var buffer = unsafe uv_buf_t(reading: bytes)
        let sent = unsafe uv_try_write(stream, &buffer, 1)
        guard sent >= 0 || sent == UV_EAGAIN.rawValue else { return sent }
        let count = max(0, Int(sent))
        guard count < bytes.count else { return 0 }
        let write = unsafe StreamWrite(copying: UnsafeRawBufferPointer(rebasing: bytes[count...]), onEnd: finishWriting)
        return unsafe write.submit(to: stream)
    }

    private var hasQueue: Bool { unsafe !isClosing && uv_stream_get_write_queue_size(stream) > 0 }

    private func finishWriting(_ status: Int32) {
        if status < 0, status != UV_ECANCELED.rawValue { failure = UVError(code: status, call: "write") }
        writers.wake()
    }

    /// Idempotent. Whoever waits is told.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        timer?.close()
        unsafe memory.close()
        readers.wake()
        writers.wake()
    }
}

extension PulledStream {
    /// A pipe to or from a child process: our end does not block, the child's does. Both are closed on exec; the caller
    /// owns them.
    public static func pipe(childReads: Bool) throws(UVError) -> (ours: Int32, childs: Int32) {
        var ends: [uv_file] = [-1, -1]
        let ours = Int32(UV_NONBLOCK_PIPE.rawValue)
        try check(unsafe uv_pipe(&ends, childReads ? 0 : ours, childReads ? ours : 0), "uv_pipe")
        return childReads ? (ends[1], ends[0]) : (ends[0], ends[1])
    }

    /// The ends of a Unix socket to a child process, each for both ways, as those of ``pipe(childReads:)`` else.
    public static func socketPair() throws(UVError) -> (ours: Int32, childs: Int32) {
        var ends: [uv_os_sock_t] = [-1, -1]
        let ours = Int32(UV_NONBLOCK_PIPE.rawValue)
        try check(unsafe uv_socketpair(Int32(SOCK_STREAM.rawValue), 0, &ends, ours, 0), "socketpair")
        return (ends[0], ends[1])
    }
}

private func didConnect(_ request: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
    let stream = unsafe owner(of: request!.pointee.handle, as: PulledStream.self)
    unsafe request!.deallocate()
    stream.finishConnecting(status)
}

private func willRead(
    _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int, _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
    let stream = unsafe owner(of: handle, as: PulledStream.self)
    unsafe buffer!.pointee = uv_buf_t(reading: UnsafeRawBufferPointer(stream.loop.scratch))
}

private func didRead(_ handle: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _: UnsafePointer<uv_buf_t>?) {
    unsafe owner(of: handle, as: PulledStream.self).take(count)
}
