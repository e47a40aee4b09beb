import Glibc
@testable import IgropyrUV

/// A TCP port of an IPv4 address that no other test gets while this exists. Connections to it are refused, until one
/// who asks for `SO_REUSEADDR`, as servers do, listens there.
public final class ReservedPort: Sendable {
    public let address: SocketAddress
    private let descriptor: Int32

    /// Port 0 stands for one that is free.
    public init(on host: String = "127.0.0.1", port: UInt16 = 0) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw UVError(code: -errno, call: "socket") }
        var isShared: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isShared, socklen_t(MemoryLayout<Int32>.size))
        guard let wanted = SocketAddress(host, port: port) else { throw UVError(code: -EINVAL, call: host) }
        let result = wanted.withSockaddr { bind(descriptor, $0, $1) }
        guard result == 0, let address = ListeningSocket.localAddress(of: descriptor) else {
            let error = UVError(code: -errno, call: "bind")
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.address = address
    }

    deinit { close(descriptor) }
}
