/// From where an address can be reached.
public enum DNSAddressKind: Hashable, Sendable {
    case ipv4
    case ipv6
    /// IPv6, on the same network only (RFC 4291 §2.5.6).
    case linkLocal

    /// `address`: 4 or 16 bytes in network order.
    public init(_ address: [UInt8]) {
        if address.count == 4 {
            self = .ipv4
        } else {
            self = address[0] == 0xFE && address[1] >> 6 == 0b10 ? .linkLocal : .ipv6
        }
    }
}
