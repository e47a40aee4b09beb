internal import CLibUV
internal import Glibc

/// A bound UDP socket on an event loop; not `Sendable`, so it stays there.
@safe
public final class UDPSocket {
    /// Datagrams that wait for the kernel's buffer; beyond it they are dropped, as a network may.
    private static let queueLimit = 1024
    /// Asked of the kernel, which may give less.
    private static let receiveBufferBytes: Int32 = 2 << 20

    private let loop: EventLoop
    private let memory = unsafe HandleMemory<uv_udp_t>()
    private var isClosing = false
    private var onReceive: ((RawSpan, SocketAddress) -> Void)?

    /// `sharesPort`: Others may bind the port, too, if they say the same, and for IPv4, if this is IPv6; what goes to a
    /// group, all of them get.
    /// - Throws: `UV_EADDRINUSE`, `UV_EADDRNOTAVAIL`.
    public convenience init(
        on loop: EventLoop, binding address: SocketAddress, sharesPort: Bool = false
    ) throws(UVError) {
        try self.init(on: loop)
        var flags: UInt32 = 0
        if sharesPort { flags |= UV_UDP_REUSEADDR.rawValue }
        if sharesPort, !address.host.isIPv4 { flags |= UV_UDP_IPV6ONLY.rawValue }
        do throws(UVError) {
            try check(
                unsafe address.withSockaddr { sockaddr, _ in
                    unsafe uv_udp_bind(memory.pointer, sockaddr, flags)
                }, "bind")
        } catch {
            close()
            throw error
        }
        var bytes = Self.receiveBufferBytes
        unsafe uv_recv_buffer_size(memory.pointer.asHandle, &bytes)
    }

    /// Goes on with a socket that is bound already: datagrams that came meanwhile wait in it. Closes it in the end,
    /// even if this throws.
    public convenience init(on loop: EventLoop, owning descriptor: Int32) throws(UVError) {
        let socket = Descriptor(owning: descriptor)
        try self.init(on: loop)
        do throws(UVError) {
            try check(unsafe uv_udp_open(memory.pointer, descriptor), "uv_udp_open")
        } catch {
            close()
            throw error
        }
        _ = socket.take()  // libuv's.
    }

    private init(on loop: EventLoop) throws(UVError) {
        loop.preconditionOnLoop()
        self.loop = loop
        try check(unsafe uv_udp_init(loop.raw, memory.pointer), "uv_udp_init")
        unsafe memory.retain(owner: self)
    }

    deinit { unsafe memory.deallocate() }

    public var localAddress: SocketAddress? { descriptor.flatMap(SocketAddress.local(of:)) }

    /// Another descriptor of the socket, which the caller then owns: datagrams wait there when this one is closed.
    /// - Throws: `UV_EBADF` once closed; `UV_EMFILE`.
    public func duplicateSocket() throws(UVError) -> Int32 { try Descriptor.duplicate(descriptor ?? -1) }

    private var descriptor: Int32? {
        var descriptor: Int32 = -1
        guard !isClosing, unsafe uv_fileno(memory.pointer.asHandle, &descriptor) == 0 else { return nil }
        return descriptor
    }

    /// Gets what is sent to a multicast group, and sends to groups, by this interface; with a hop limit of 255, by
    /// which receivers tell that nobody passed it on.
    /// - Throws: `UV_EADDRNOTAVAIL` if the interface has no address of the group's family.
    public func joinGroup(_ group: SocketAddress, on interface: NetworkInterface) throws(UVError) {
        guard let local = interface.addresses.first(where: { $0.isIPv4 == group.host.isIPv4 }) else {
            throw UVError(code: UVError.addressNotAvailable, call: "join \(group.hostText) on \(interface.name)")
        }
        // IPv4 knows an interface by its address, IPv6 by its zone.
        let place = local.isIPv4 ? SocketAddress(host: local, port: 0).hostText : "::%\(interface.name)"
        try check(
            unsafe uv_udp_set_membership(memory.pointer, group.hostText, place, UV_JOIN_GROUP), "uv_udp_set_membership")
        try check(unsafe uv_udp_set_multicast_interface(memory.pointer, place), "uv_udp_set_multicast_interface")
        try check(unsafe uv_udp_set_multicast_ttl(memory.pointer, 255), "uv_udp_set_multicast_ttl")
    }

    /// Calls `onReceive` for each datagram, up to 64 KiB; the bytes are lent for the length of the call. One bad
    /// datagram, or the kernel's word about one that was sent, never ends it.
    public func startReceiving(_ onReceive: @escaping (RawSpan, SocketAddress) -> Void) throws(UVError) {
        self.onReceive = onReceive
        try check(unsafe uv_udp_recv_start(memory.pointer, willReceive, didReceive), "uv_udp_recv_start")
    }

    /// Sends one datagram, at once or when the kernel has room; may drop it, as a network may.
    public func send(_ bytes: RawSpan, to address: SocketAddress) {
        guard !isClosing else { return }
        unsafe bytes.withUnsafeBytes { bytes in
            var buffer = unsafe uv_buf_t(reading: bytes)
            let result = unsafe address.withSockaddr { sockaddr, _ in
                unsafe uv_udp_try_send(memory.pointer, &buffer, 1, sockaddr)
            }
            guard result < 0 else { return }
            guard result == UV_EAGAIN.rawValue, unsafe uv_udp_get_send_queue_count(memory.pointer) < Self.queueLimit
            else { return }
            let request = unsafe DatagramRequest(copying: bytes)
            unsafe address.withSockaddr { sockaddr, _ in unsafe request.submit(to: memory.pointer, sockaddr) }
        }
    }

    /// Idempotent. Nothing is received any more; what was queued is dropped.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        onReceive = nil
        unsafe memory.close()
    }

    fileprivate var receiveBuffer: uv_buf_t { unsafe uv_buf_t(reading: UnsafeRawBufferPointer(loop.scratch)) }

    fileprivate func receive(_ count: Int, from address: UnsafePointer<sockaddr>?) {
        guard count >= 0, let sender = unsafe SocketAddress(address) else { return }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: loop.scratch[..<count])
        unsafe onReceive?(bytes.bytes, sender)
    }
}

/// The bytes of one queued datagram, kept until libuv is done with them.
@safe
private final class DatagramRequest {
    private let request = UnsafeMutablePointer<uv_udp_send_t>.allocate(capacity: 1)
    private let bytes: UnsafeMutableRawBufferPointer

    init(copying source: UnsafeRawBufferPointer) {
        unsafe bytes = .allocate(byteCount: source.count, alignment: 1)
        unsafe bytes.copyMemory(from: source)
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe request.deallocate()
    }

    func submit(to handle: UnsafeMutablePointer<uv_udp_t>, _ address: UnsafePointer<sockaddr>) {
        var buffer = unsafe uv_buf_t(reading: UnsafeRawBufferPointer(bytes))
        let retained = unsafe Unmanaged.passRetained(self)  // Released by `didSend`.
        unsafe request.pointee.data = retained.toOpaque()
        if unsafe uv_udp_send(request, handle, &buffer, 1, address, didSend) < 0 { unsafe retained.release() }
    }
}

private func willReceive(
    _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int, _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
    unsafe buffer!.pointee = owner(of: handle, as: UDPSocket.self).receiveBuffer
}

private func didReceive(
    _ handle: UnsafeMutablePointer<uv_udp_t>?, _ count: Int, _: UnsafePointer<uv_buf_t>?,
    _ address: UnsafePointer<sockaddr>?, _ flags: UInt32
) {
    unsafe owner(of: handle, as: UDPSocket.self).receive(count, from: address)
}

private func didSend(_ request: UnsafeMutablePointer<uv_udp_send_t>?, _ status: Int32) {
    unsafe Unmanaged<DatagramRequest>.fromOpaque(request!.pointee.data).release()
}
