internal import IgropyrGossip
internal import IgropyrUV

extension MemberAddress {
    /// IPv4 in IPv6's clothes, as a socket bound to `::` shows it, becomes IPv4. The zone is lost.
    init(_ address: SocketAddress) {
        switch address.host {
        case .v4(let first, let second, let third, let fourth):
            self.init(ipv4: first, second, third, fourth, port: address.port)
        case .v6(let high, let low, zone: _):
            self = MemberAddress(ipv6: high, low, port: address.port).unmapped
        }
    }
}

extension SocketAddress {
    init(_ member: MemberAddress) {
        let address = member.unmapped
        let bytes = address.bytes
        if address.isIPv4 {
            self.init(host: .v4(bytes[0], bytes[1], bytes[2], bytes[3]), port: address.port)
        } else {
            let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(host: .v6(high, low, zone: 0), port: address.port)
        }
    }
}
