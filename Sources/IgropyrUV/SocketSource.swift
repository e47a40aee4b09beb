/// Where a server's listening sockets come from.
public enum SocketSource: Sendable, Hashable {
    case address(SocketAddress)
    /// Descriptors that listen already, at least one, to be taken over.
    case inherited([Int32])

    /// Sockets for so many loops, which the caller owns. An address gives each loop a queue of its own, among which the
    /// kernel spreads the connections; of inherited sockets each is used, so that no queue is left unserved: there may
    /// be more than were asked for, or several descriptors of one.
    /// - Returns: the sockets, and where they listen.
    /// - Throws: as ``ListeningSocket/open(_:sharingPort:backlog:)``; `UV_EADDRINUSE` also if another process shares
    ///   its port, unless `sharesPort`: for one that is known to end.
    public func open(_ count: Int, sharesPort: Bool = false) throws(UVError) -> ([Int32], SocketAddress) {
        switch self {
        case .address(let address): try Self.open(address, count, sharesPort)
        case .inherited(let descriptors): try Self.share(descriptors, count)
        }
    }

    private static func open(
        _ address: SocketAddress, _ count: Int, _ sharesPort: Bool
    ) throws(UVError) -> ([Int32], SocketAddress) {
        var address = address
        // Sharing a port works with any process of the same user: make sure that nobody has it before.
        if address.port != 0, !sharesPort { Descriptor.close(try ListeningSocket.open(address)) }
        var sockets: [Int32] = []
        do throws(UVError) {
            for _ in 0..<count {
                let socket = try ListeningSocket.open(address, sharingPort: true)
                sockets.append(socket)
                address = ListeningSocket.localAddress(of: socket) ?? address
            }
        } catch {
            for socket in sockets { Descriptor.close(socket) }
            throw error
        }
        return (sockets, address)
    }

    private static func share(_ descriptors: [Int32], _ count: Int) throws(UVError) -> ([Int32], SocketAddress) {
        guard let first = descriptors.first, let address = ListeningSocket.localAddress(of: first) else {
            throw UVError(code: UVError.invalidArgument, call: "LISTEN_FDS")
        }
        var sockets = descriptors
        while sockets.count < count {
            sockets.append(try Descriptor.duplicate(descriptors[sockets.count % descriptors.count]))
        }
        return (sockets, address)
    }
}
