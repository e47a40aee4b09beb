internal import IgropyrConfiguration
internal import IgropyrUV

/// Where a program listens: `127.0.0.1:9000`, `[::1]:9000` or `unix:/run/php/php-fpm.sock`.
public struct GatewayAddress: Sendable, Hashable, CustomStringConvertible {
    let address: PulledStream.Address

    public var description: String { address.description }

    public static func unix(_ path: String) -> GatewayAddress { GatewayAddress(address: .unix(path)) }

    private init(address: PulledStream.Address) { self.address = address }

    /// Nil for what is neither; names of hosts are not looked up.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            guard path.hasPrefix("/"), path.utf8.count <= 107 else { return nil }
            address = .unix(String(path))
        } else {
            guard let parts = NetworkAddress(text), let address = SocketAddress(parts.host, port: parts.port) else {
                return nil
            }
            self.address = .tcp(address)
        }
    }
}
