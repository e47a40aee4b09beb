/// An IP address and a port, as members advertise them.
///
/// The bytes count: the IPv4-mapped form of an IPv4 address (Go's usual one) is another address, as it is for the
/// reference; but it is shown as IPv4, and `unmapped` is what to send to.
public struct MemberAddress: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64
    public let isIPv4: Bool
    public var port: UInt16

    /// Nil unless there are 4 or 16 bytes, in network order.
    public init?(bytes: some Collection<UInt8>, port: UInt16) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        isIPv4 = bytes.count == 4
        high = bytes.dropLast(isIPv4 ? 4 : 8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        self.port = port
    }

    public init(ipv4 first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, port: UInt16) {
        isIPv4 = true
        high = 0
        low = [first, second, third, fourth].reduce(0) { $0 << 8 | UInt64($1) }
        self.port = port
    }

    /// The two halves of the address, as numbers.
    public init(ipv6 high: UInt64, _ low: UInt64, port: UInt16) {
        isIPv4 = false
        self.high = high
        self.low = low
        self.port = port
    }

    /// 4 or 16 bytes in network order.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        if isIPv4 {
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: low))
        } else {
            bytes.append(bigEndian: high)
            bytes.append(bigEndian: low)
        }
        return bytes
    }

    /// IPv4 in IPv6's clothes (RFC 4291, section 2.5.5.2) becomes IPv4, since no IPv4 socket sends to it.
    public var unmapped: MemberAddress {
        guard !isIPv4, high == 0, low >> 32 == 0xFFFF else { return self }
        return MemberAddress(bytes: bytes.suffix(4), port: port) ?? self
    }

    /// 0.0.0.0 or ::, which nobody can be reached at.
    public var isUnspecified: Bool { high == 0 && low == 0 }
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
