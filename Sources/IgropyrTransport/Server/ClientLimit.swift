public import IgropyrUV

/// Counts each client's connections, over all loops of a server, and says when it has enough.
///
/// Looked at once for each connection, behind a lock; holds one entry for each client with open connections.
public final class ClientLimit: Sendable {
    /// By its address's `SocketAddress.Host.holder`.
    public enum Client: Hashable, Sendable {
        case v4(UInt8, UInt8, UInt8, UInt8)
        case v6(UInt64)
        /// Gone before it could be asked; such clients count together.
        case unknown

        public init(_ address: SocketAddress?) {
            self =
                switch address?.host.holder {
                case .v4(let a, let b, let c, let d): .v4(a, b, c, d)
                case .v6(let high, _, _): .v6(high)
                case nil: .unknown
                }
        }
    }

    private let connections: Int
    private let counts = Locked<[Client: Int]>([:])

    /// `connections` of each client are let in at once.
    public init(connections: Int) { self.connections = connections }

    /// Whether the client may have one connection more, which is counted then: call ``leave(_:)`` at its end.
    public func enter(_ client: Client) -> Bool {
        counts.withLock { counts in
            let count = counts[client, default: 0]
            guard count < connections else { return false }
            counts[client] = count + 1
            return true
        }
    }

    public func leave(_ client: Client) {
        counts.withLock { counts in
            guard let count = counts[client] else { return }
            counts[client] = count > 1 ? count - 1 : nil
        }
    }
}
