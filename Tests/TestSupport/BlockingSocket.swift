import Glibc
@testable import IgropyrUV

/// A client's TCP socket that blocks its thread, a minute for each call at most. Used by one task at a time.
///
/// A signal that interrupts a call, as stopping and continuing the process does, is not its end: with a time limit the
/// kernel begins none of these again by itself (signal(7)).
public final class BlockingSocket: @unchecked Sendable {
    public struct Failure: Error {
        public let call: String
        /// Of `errno`.
        public let code: Int32
    }

    public let descriptor: Int32

    /// A socket that is not connected yet. `receiveBuffer` says how many bytes the kernel takes ahead.
    public init(family: Int32 = AF_INET, receiveBuffer: Int32? = nil) throws(Failure) {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
        let limit = timeval(tv_sec: 60, tv_usec: 0)
        set(SO_RCVTIMEO, limit)
        set(SO_SNDTIMEO, limit)
        if let receiveBuffer { set(SO_RCVBUF, receiveBuffer) }
    }

    public convenience init(to address: SocketAddress, receiveBuffer: Int32? = nil) throws(Failure) {
        try self.init(receiveBuffer: receiveBuffer)
        try connect(to: address)
    }

    /// From an address of this machine, with any port.
    public convenience init(from source: SocketAddress, to address: SocketAddress) throws(Failure) {
        try self.init()
        try source.withSockaddr { name, size throws(Failure) in
            guard bind(descriptor, name, size) == 0 else { throw Failure(call: "bind", code: errno) }
        }
        try connect(to: address)
    }

    deinit { close(descriptor) }

    public func connect(to address: SocketAddress) throws(Failure) {
        try address.withSockaddr { name, size throws(Failure) in try connect(to: name, size) }
    }

    /// Connects to a socket in the file system.
    public func connect(toPath path: String) throws(Failure) {
        var peer = sockaddr_un()
        peer.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &peer.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        try withUnsafePointer(to: &peer) { peer throws(Failure) in
            let name = UnsafeRawPointer(peer).assumingMemoryBound(to: sockaddr.self)
            try connect(to: name, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }

    private func connect(to name: UnsafePointer<sockaddr>, _ size: socklen_t) throws(Failure) {
        guard Glibc.connect(descriptor, name, size) != 0 else { return }
        guard errno == EINTR else { throw Failure(call: "connect", code: errno) }
        // It goes on by itself (POSIX: connect), and asking again would be an error.
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = uninterrupted { poll(&entry, 1, 60_000) }
        var (code, length) = (ETIMEDOUT, socklen_t(MemoryLayout<Int32>.size))
        if entry.revents != 0 { getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) }
        guard code == 0 else { throw Failure(call: "connect", code: code) }
    }

    public func send(_ bytes: [UInt8]) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            let count = uninterrupted {
                bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
            guard count > 0 else { throw Failure(call: "send", code: errno) }
            sent += count
        }
    }

    public func send(_ text: String) throws(Failure) { try send(Array(text.utf8)) }

    public func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// What has come, as soon as there is any, at most `limit` bytes; empty at the end of the connection.
    public func receive(upTo limit: Int = 64 << 10) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = uninterrupted { recv(descriptor, &bytes, limit, 0) }
        guard count >= 0 else { throw Failure(call: "recv", code: errno) }
        bytes.removeSubrange(count...)
        return bytes
    }

    public func set<Value: BitwiseCopyable>(_ option: Int32, _ value: Value) {
        var value = value
        setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
    }
}

/// Makes a call of the C library again for as long as a signal interrupts it.
public func uninterrupted<Count: SignedInteger>(_ call: () -> Count) -> Count {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
