import Glibc
@testable import IgropyrUV

/// An address where connections are neither taken nor refused, as on a host that has lost its power: a listener whose
/// backlog is full.
final class DeafHost {
    let address: SocketAddress
    private var descriptors: [Int32] = []

    init(on host: String) throws {
        let listener = try ListeningSocket.open(SocketAddress(host, port: 0)!, backlog: 0)
        address = ListeningSocket.localAddress(of: listener)!
        descriptors = [listener]
        for _ in 0..<4 {
            let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let descriptor = socket(AF_INET, type, 0)
            _ = address.withSockaddr { connect(descriptor, $0, $1) }
            descriptors.append(descriptor)
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }
}
