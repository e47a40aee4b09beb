internal import Glibc

/// Makes listening sockets: for this process's own loops, or to be handed to a worker.
public enum ListeningSocket {
    /// - Returns: a descriptor that the caller owns; non-blocking, closed on exec.
    /// - Throws: `UV_EADDRINUSE`, `UV_EADDRNOTAVAIL`, `UV_EACCES`, `UV_EMFILE`.
    public static func open(
        _ address: SocketAddress, sharingPort: Bool = false, backlog: Int32 = 4096
    ) throws(UVError) -> Int32 {
        let family: Int32 =
            switch address.host {
            case .v4: AF_INET
            case .v6: AF_INET6
            }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw UVError(errno: errno, "socket") }
        do throws(UVError) {
            try set(SO_REUSEADDR, on: descriptor)
            if sharingPort { try set(SO_REUSEPORT, on: descriptor) }
            let bound = unsafe address.withSockaddr { unsafe bind(descriptor, $0, $1) }
            try check(bound, errnoOf: "bind")
            try check(listen(descriptor, backlog), errnoOf: "listen")
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    public static func localAddress(of descriptor: Int32) -> SocketAddress? { SocketAddress.local(of: descriptor) }

    /// Another descriptor of the same socket, closed on exec.
    public static func duplicate(_ descriptor: Int32) throws(UVError) -> Int32 {
        try check(fcntl(descriptor, F_DUPFD_CLOEXEC, 3), errnoOf: "fcntl")
    }

    public static func close(_ descriptor: Int32) { Glibc.close(descriptor) }

    private static func set(_ option: Int32, on descriptor: Int32) throws(UVError) {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        try check(unsafe setsockopt(descriptor, SOL_SOCKET, option, &on, size), errnoOf: "setsockopt")
    }
}
