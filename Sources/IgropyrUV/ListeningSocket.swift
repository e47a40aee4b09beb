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
        let socket = Descriptor(owning: try check(Glibc.socket(family, type, 0), errnoOf: "socket"))
        try set(SO_REUSEADDR, on: socket.number)
        if sharingPort { try set(SO_REUSEPORT, on: socket.number) }
        let bound = unsafe address.withSockaddr { unsafe bind(socket.number, $0, $1) }
        try check(bound, errnoOf: "bind")
        try check(listen(socket.number, backlog), errnoOf: "listen")
        return socket.take()
    }

    public static func localAddress(of descriptor: Int32) -> SocketAddress? { SocketAddress.local(of: descriptor) }

    private static func set(_ option: Int32, on descriptor: Int32) throws(UVError) {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        try check(unsafe setsockopt(descriptor, SOL_SOCKET, option, &on, size), errnoOf: "setsockopt")
    }
}
