internal import IgropyrUV

/// Where a server's listening sockets come from.
enum SocketSource {
    case address(SocketAddress)
    /// A descriptor that listens already, to be taken over.
    case inherited(Int32)

    /// One socket for each loop. An address gives each loop a queue of its own, among which the kernel spreads the
    /// connections; an inherited socket has one queue for all.
    func open(_ count: Int) throws(UVError) -> ([Int32], SocketAddress) {
        switch self {
        case .address(let address): try Self.open(address, count)
        case .inherited(let descriptor): try Self.share(descriptor, count)
        }
    }

    private static func open(_ address: SocketAddress, _ count: Int) throws(UVError) -> ([Int32], SocketAddress) {
        var address = address
        // Sharing a port works with any process of the same user: make sure that nobody has it before.
        if address.port != 0 { ListeningSocket.close(try ListeningSocket.open(address)) }
        var sockets: [Int32] = []
        do throws(UVError) {
            for _ in 0..<count {
                let socket = try ListeningSocket.open(address, sharingPort: true)
                sockets.append(socket)
                address = ListeningSocket.localAddress(of: socket) ?? address
            }
        } catch {
            for socket in sockets { ListeningSocket.close(socket) }
            throw error
        }
        return (sockets, address)
    }

    private static func share(_ descriptor: Int32, _ count: Int) throws(UVError) -> ([Int32], SocketAddress) {
        guard let address = ListeningSocket.localAddress(of: descriptor) else {
            throw UVError(code: UVError.invalidArgument, call: "LISTEN_FDS")
        }
        var sockets: [Int32] = []
        for _ in 0..<count { sockets.append(try ListeningSocket.duplicate(descriptor)) }
        ListeningSocket.close(descriptor)
        return (sockets, address)
    }
}

/// Why an application cannot start, and what to do about it, in one line.
public struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    init(_ error: UVError, _ source: SocketSource) {
        guard case .address(let address) = source else {
            self.init("the socket handed over by LISTEN_FDS cannot be used: \(error.reason)")
            return
        }
        let advice =
            switch error.code {
            case UVError.addressInUse: "another program has this port: stop it or choose another port"
            case UVError.accessDenied: "ports below 1024 need rights that this process lacks: choose a higher one"
            case UVError.addressNotAvailable: "this machine has no such address: try 0.0.0.0 or 127.0.0.1"
            default: error.reason
            }
        self.init("cannot listen on \(address): \(advice)")
    }
}
