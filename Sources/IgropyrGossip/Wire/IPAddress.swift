/// An IPv4 or IPv6 address, without a port.
///
/// The bytes count: the IPv4-mapped form of an IPv4 address (Go's usual one) is another address, as it is for the
/// reference.
struct IPAddress: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64
    let isIPv4: Bool

    /// Nil unless there are 4 or 16 bytes, in network order.
    init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        isIPv4 = bytes.count == 4
        var number: (high: UInt64, low: UInt64) = (0, 0)
        for byte in bytes { number = (number.high << 8 | number.low >> 56, number.low << 8 | UInt64(byte)) }
        (high, low) = number
    }

    init(ipv4 number: UInt32) {
        isIPv4 = true
        high = 0
        low = UInt64(number)
    }

    /// The two halves of the address, as numbers.
    init(ipv6 high: UInt64, _ low: UInt64) {
        isIPv4 = false
        self.high = high
        self.low = low
    }

    /// Nil for IPv6.
    var ipv4: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// 4 or 16 bytes in network order.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    func append(to bytes: inout [UInt8]) {
        if isIPv4 {
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: low))
        } else {
            bytes.append(bigEndian: high)
            bytes.append(bigEndian: low)
        }
    }

    /// IPv4 in IPv6's clothes (RFC 4291, section 2.5.5.2) becomes IPv4.
    var unmapped: IPAddress {
        guard !isIPv4, high == 0, low >> 32 == 0xFFFF else { return self }
        return IPAddress(ipv4: UInt32(truncatingIfNeeded: low))
    }

    /// 0.0.0.0 or ::
    var isUnspecified: Bool { high == 0 && low == 0 }
}
