/// The Internet addresses that have their first bits in common, such as `10.0.0.0/8` (RFC 4632) or `2001:db8::/32`.
///
/// An IPv4 address that comes in IPv6's form (`::ffff:10.0.0.1`), as a socket for both shows it, counts as the IPv4
/// address: `0.0.0.0/0` and `::/0` together are all addresses. Zones are of no account.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The lowest one; its bits beyond the prefix are 0.
    private let base: SocketAddress.Host
    /// The bits that count: up to 32, or 128 in IPv6.
    public let prefixLength: Int

    /// Reads `10.0.0.0/8`, `::1/128`, or a bare address, which stands for itself. Nil if it is none, and for one with
    /// bits beyond its prefix, such as `10.0.0.1/8`: who wrote that meant either less or more.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard !text.contains("%"), let host = SocketAddress(String(parts[0]), port: 0)?.host else { return nil }
        var length = host.bitWidth
        if parts.count == 2 {
            guard let number = Self.number(parts[1]), number <= length else { return nil }
            length = number
        }
        let base = host.unmapped
        if base.bitWidth < host.bitWidth {
            guard length >= 96 else { return nil }
            length -= 96
        }
        guard base.masked(length) == base else { return nil }
        self.base = base
        prefixLength = length
    }

    /// One to three digits, without leading zeros.
    private static func number(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text == "0" || !text.hasPrefix("0")
        else { return nil }
        return Int(text)
    }

    /// Allocates nothing.
    public func contains(_ host: SocketAddress.Host) -> Bool {
        let host = host.unmapped
        return host.bitWidth == base.bitWidth && host.masked(prefixLength) == base
    }

    public var description: String { "\(SocketAddress(host: base, port: 0).hostText)/\(prefixLength)" }
}

extension Sequence<IPNetwork> {
    /// Whether any of the networks has the address.
    @inlinable public func contains(_ host: SocketAddress.Host) -> Bool { contains { $0.contains(host) } }
}

extension SocketAddress.Host {
    /// The IPv4 address that this IPv6 address stands for (RFC 4291 §2.5.5.2), or the address itself.
    public var unmapped: SocketAddress.Host {
        guard case .v6(0, let low, _) = self, low >> 32 == 0xFFFF else { return self }
        return .v4(
            UInt8(truncatingIfNeeded: low >> 24), UInt8(truncatingIfNeeded: low >> 16),
            UInt8(truncatingIfNeeded: low >> 8), UInt8(truncatingIfNeeded: low))
    }

    /// What counts as one source where each may have so much: an IPv4 address; of IPv6 the first 64 bits, all of which
    /// a single machine may have.
    public var holder: SocketAddress.Host {
        let host = unmapped
        return host.isIPv4 ? host : host.masked(64)
    }

    fileprivate var bitWidth: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// All but the first `count` bits, and the zone, become 0. Shifts of a fixed-width integer may be of any size.
    fileprivate func masked(_ count: Int) -> SocketAddress.Host {
        switch self {
        case .v4(let a, let b, let c, let d):
            let bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
            let kept = bits & ~(UInt32.max >> UInt32(count))
            return .v4(
                UInt8(truncatingIfNeeded: kept >> 24), UInt8(truncatingIfNeeded: kept >> 16),
                UInt8(truncatingIfNeeded: kept >> 8), UInt8(truncatingIfNeeded: kept))
        case .v6(let high, let low, _):
            return .v6(
                high & ~(UInt64.max >> UInt64(count)), low & ~(UInt64.max >> UInt64(max(0, count - 64))), zone: 0)
        }
    }
}
