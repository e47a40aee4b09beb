public import IgropyrUV

extension [BalancerListener] {
    /// Takes sockets that were handed over in place of opening them, each where its address is asked for. Whoever
    /// starts a service may give a single listener sockets of any address; a predecessor tells what it was asked for
    /// itself.
    /// - Parameters:
    ///   - sockets: They listen.
    ///   - asked: ``ServiceContract/askedAddresses``; nil without a predecessor.
    /// - Returns: sockets that no listener takes. The caller closes them, lest clients wait where nobody accepts.
    public mutating func takeSockets(_ sockets: [Int32], asked: [SocketAddress: SocketAddress]?) -> [Int32] {
        if count == 1, asked == nil, !sockets.isEmpty {
            self[0].source = .inherited(sockets)
            return []
        }
        var rest = sockets
        for index in indices {
            let own = rest.filter { socket in
                guard let address = ListeningSocket.localAddress(of: socket) else { return false }
                return (asked?[address] ?? address) == self[index].askedAddress
            }
            guard !own.isEmpty else { continue }
            self[index].source = .inherited(own)
            rest.removeAll(where: own.contains)
        }
        if asked != nil {
            let ports = rest.compactMap { ListeningSocket.localAddress(of: $0)?.port }
            for index in indices {
                self[index].sharesPort = self[index].askedAddress.map { ports.contains($0.port) } ?? false
            }
        }
        return rest
    }

    /// What a successor has to know: by where one of these sockets listens, where its listener was asked to, if that is
    /// elsewhere.
    func askedAddresses(of sockets: [[Int32]]) -> [SocketAddress: SocketAddress] {
        var result: [SocketAddress: SocketAddress] = [:]
        for (listener, sockets) in zip(self, sockets) {
            guard let asked = listener.askedAddress else { continue }
            for address in sockets.compactMap(ListeningSocket.localAddress(of:)) where address != asked {
                result[address] = asked
            }
        }
        return result
    }
}
