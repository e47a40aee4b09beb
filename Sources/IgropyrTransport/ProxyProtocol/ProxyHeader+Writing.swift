internal import IgropyrUV

extension ProxyHeader {
    /// As it stands at the begin of a connection. Addresses of different families both go out as IPv6's (RFC 4291
    /// §2.5.5.2).
    public func bytes(_ version: Version) -> [UInt8] {
        switch version {
        case .v1: line
        case .v2: binary
        }
    }

    private var line: [UInt8] {
        guard case .proxied(let source, let destination) = self else { return Array("PROXY UNKNOWN\r\n".utf8) }
        let isV4 = source.host.isV4 && destination.host.isV4
        func text(_ address: SocketAddress) -> String {
            (isV4 ? address : SocketAddress(host: address.host.asV6, port: address.port)).hostText
        }
        let name = isV4 ? "TCP4" : "TCP6"
        let words = "PROXY \(name) \(text(source)) \(text(destination)) \(source.port) \(destination.port)\r\n"
        return Array(words.utf8)
    }

    private var binary: [UInt8] {
        guard case .proxied(let source, let destination) = self else { return proxySignature + [0x20, 0x00, 0, 0] }
        let ports = Self.bytes(source.port) + Self.bytes(destination.port)
        if case .v4(let a, let b, let c, let d) = source.host, case .v4(let e, let f, let g, let h) = destination.host {
            return proxySignature + [0x21, 0x11, 0, 12, a, b, c, d, e, f, g, h] + ports
        }
        return proxySignature + [0x21, 0x21, 0, 36] + Self.bytes(source.host) + Self.bytes(destination.host) + ports
    }

    private static func bytes(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

    /// The sixteen of IPv6.
    private static func bytes(_ host: SocketAddress.Host) -> [UInt8] {
        guard case .v6(let high, let low, _) = host.asV6 else { return [] }
        return [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> UInt64($0)) }
        }
    }
}

extension SocketAddress.Host {
    fileprivate var isV4: Bool {
        if case .v4 = self { true } else { false }
    }

    /// An IPv4 address in IPv6's form.
    fileprivate var asV6: SocketAddress.Host {
        guard case .v4(let a, let b, let c, let d) = self else { return self }
        return .v6(0, 0xFFFF << 32 | UInt64(a) << 24 | UInt64(b) << 16 | UInt64(c) << 8 | UInt64(d), zone: 0)
    }
}
