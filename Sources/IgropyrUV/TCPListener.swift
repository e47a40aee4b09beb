internal import CLibUV
internal import CLinux
internal import Glibc

/// A listening socket on one event loop.
///
/// Takes connections until the kernel has no more at each readiness event: `uv_listen` of libuv 1.45 and later takes
/// one only, and a storm of connections then costs a turn of the loop each (docs/performance.md).
public final class TCPListener {
    /// Connections taken in one go before other sockets get their turn.
    private static let batch = 512
    /// How long to wait when the process has no descriptor to spare; waiting connections stay in the backlog.
    private static let exhaustedPause = Duration.milliseconds(100)

    public let loop: EventLoop
    public let localAddress: SocketAddress
    private let descriptor: Int32
    /// From this number on, descriptors are for what connections need, such as files and other servers: the last
    /// quarter of those that the process may have. Else clients that only connect would have it answer nobody. The
    /// kernel gives the lowest number that is free.
    private let reserve: Int32
    private let poller: Poller
    private let retry: Timer
    private var isPaused = false
    private var isClosed = false
    private var onAccept: ((TCPStream) -> Void)?

    /// Opens a listening socket. Sharing the port sets `SO_REUSEPORT`, by which each loop has a listener of its own
    /// and the kernel spreads the connections. The backlog is bounded by `net.core.somaxconn`, too.
    /// - Throws: `UV_EADDRINUSE`, `UV_EADDRNOTAVAIL`, `UV_EACCES`, `UV_EMFILE`.
    public convenience init(
        on loop: EventLoop, binding address: SocketAddress, sharingPort: Bool = false, backlog: Int32 = 4096
    ) throws(UVError) {
        let descriptor = try ListeningSocket.open(address, sharingPort: sharingPort, backlog: backlog)
        try self.init(on: loop, owning: descriptor)
    }

    /// Accepts on a socket that listens already, such as one that came with `LISTEN_FDS`; several loops may share it,
    /// each by a duplicate of the descriptor. Closes it in the end, even if this throws.
    public init(on loop: EventLoop, owning descriptor: Int32) throws(UVError) {
        let socket = Descriptor(owning: descriptor)
        guard let address = SocketAddress.local(of: descriptor) else { throw UVError(errno: errno, "getsockname") }
        self.loop = loop
        self.descriptor = descriptor
        let limit = igropyr_open_files_limit()
        reserve = limit == 0 ? .max : Int32(clamping: limit - limit / 4)
        localAddress = address
        let flags = fcntl(descriptor, F_GETFL)
        try check(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK), errnoOf: "fcntl")
        poller = try Poller(on: loop, descriptor: descriptor)
        do throws(UVError) {
            retry = try Timer(on: loop)
        } catch {
            poller.close()
            throw error
        }
        _ = socket.take()  // `close()` closes it.
    }

    /// Begins to accept. The stream is open and not yet read from.
    public func start(onAccept: @escaping (TCPStream) -> Void) throws(UVError) {
        self.onAccept = onAccept
        try poller.start { [self] in acceptAll() }
    }

    /// Another descriptor of the socket, which the caller then owns: connections wait there when this one is closed.
    public func duplicateSocket() throws(UVError) -> Int32 { try Descriptor.duplicate(descriptor) }

    /// Leaves new connections in the backlog until ``resume()``.
    public func pause() {
        guard !isPaused, !isClosed else { return }
        isPaused = true
        poller.stop()
    }

    public func resume() {
        guard isPaused, !isClosed else { return }
        isPaused = false
        try? poller.start { [self] in acceptAll() }  // It could be started once, so it can again.
    }

    /// Idempotent. Connections that wait in the backlog are reset if no one else has the socket.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        onAccept = nil
        poller.close()
        retry.close()
        Glibc.close(descriptor)
    }

    private func acceptAll() {
        for _ in 0..<Self.batch where !isPaused && !isClosed {
            let accepted = accept4(descriptor, nil, nil, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            guard accepted >= 0 else {
                let code = errno
                switch code {
                case EINTR, ECONNABORTED, EPROTO: continue
                case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                    pauseUntilDescriptorsAreFree()
                    return
                default: return  // EAGAIN: the backlog is empty.
                }
            }
            guard let stream = try? TCPStream(on: loop, owning: accepted) else { continue }
            onAccept?(stream)
            guard accepted < reserve else { return pauseUntilDescriptorsAreFree() }
        }
    }

    /// The socket stays readable, so without a pause the loop would spin.
    private func pauseUntilDescriptorsAreFree() {
        pause()
        try? retry.start(after: Self.exhaustedPause) { [self] in
            guard isPaused else { return }
            hasDescriptorsToSpare ? resume() : pauseUntilDescriptorsAreFree()
        }
    }

    private var hasDescriptorsToSpare: Bool {
        let free = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard free >= 0 else { return false }
        Glibc.close(free)
        return free < reserve
    }
}
