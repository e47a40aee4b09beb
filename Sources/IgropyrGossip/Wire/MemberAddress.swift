/// An IP address and a port, as members advertise them.
///
/// The bytes count: the IPv4-mapped form of an IPv4 address (Go's usual one) is another address, as it is for the
/// reference; but it is shown as IPv4, and `unmapped` is what to send to.
public struct MemberAddress: Hashable, Sendable {
    let ip: IPAddress
    public var port: UInt16

    init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Nil unless there are 4 or 16 bytes, in network order.
    public init?(bytes: some Collection<UInt8>, port: UInt16) {
        guard let ip = IPAddress(bytes: bytes) else { return nil }
        self.init(ip, port: port)
    }

    public init(ipv4 first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, port: UInt16) {
        let number = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
        self.init(IPAddress(ipv4: number), port: port)
    }

    /// The two halves of the address, as numbers.
    public init(ipv6 high: UInt64, _ low: UInt64, port: UInt16) { self.init(IPAddress(ipv6: high, low), port: port) }

    public var isIPv4: Bool { ip.isIPv4 }

    /// As a number; nil for IPv6.
    package var ipv4: UInt32? { ip.ipv4 }

    /// 4 or 16 bytes in network order.
    public var bytes: [UInt8] { ip.bytes }

    /// IPv4 in IPv6's clothes becomes IPv4, since no IPv4 socket sends to it.
    public var unmapped: MemberAddress { MemberAddress(ip.unmapped, port: port) }

    /// 0.0.0.0 or ::, which nobody can be reached at.
    public var isUnspecified: Bool { ip.isUnspecified }
}

extension MemberAddress: CustomStringConvertible {
    /// The address without the port; IPv6 as in RFC 5952, but mapped IPv4 as IPv4.
    public var host: String {
        let bytes = unmapped.bytes
        guard bytes.count == 16 else { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let text = groups.map { String($0, radix: 16) }
        guard let zeros = longestZeros(groups) else { return text.joined(separator: ":") }
        return text[..<zeros.lowerBound].joined(separator: ":") + "::"
            + text[zeros.upperBound...].joined(separator: ":")
    }

    /// `10.0.0.1:7946`, `[fd00::1]:7946`
    public var description: String { unmapped.isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }

    private func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > max(1, best?.count ?? 0) { best = start..<index }
            start = index + 1
        }
        return best
    }
}
