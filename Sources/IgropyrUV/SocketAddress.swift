internal import CLibUV
internal import Glibc

/// An Internet address and port, as a value.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    public enum Host: Hashable, Sendable {
        case v4(UInt8, UInt8, UInt8, UInt8)
        /// The 16 bytes as two big-endian halves, and the zone of a link-local address (0: none).
        case v6(UInt64, UInt64, zone: UInt32)

        public var isIPv4: Bool {
            switch self {
            case .v4: true
            case .v6: false
            }
        }

        /// Good on one network only, which its zone tells (RFC 4291 §2.5.6); those of IPv4 are not meant.
        public var isLinkLocal: Bool {
            switch self {
            case .v4: false
            case .v6(let high, _, _): high >> 54 == 0xFE80 >> 6
            }
        }
    }

    public var host: Host
    public var port: UInt16

    public init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    public static func loopback(port: UInt16) -> SocketAddress { SocketAddress(host: .v4(127, 0, 0, 1), port: port) }

    /// Every address of this machine, IPv4.
    public static func any(port: UInt16) -> SocketAddress { SocketAddress(host: .v4(0, 0, 0, 0), port: port) }

    /// Reads a numeric address such as `10.0.0.1` or `fe80::1%eth0`; nil if it is none, or this machine has no such
    /// interface. Names are for ``NameResolver``.
    public init?(_ text: String, port: UInt16) {
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if unsafe uv_ip4_addr(text, Int32(port), &v4) == 0 {
            self = SocketAddress(v4)
        } else if unsafe uv_ip6_addr(text, Int32(port), &v6) == 0, v6.sin6_scope_id != 0 || !text.contains("%") {
            self = SocketAddress(v6)
        } else {
            return nil
        }
    }

    /// Reads `10.0.0.1:80`, `[::1]:80`, or either without its port.
    public init?(parsing text: String, defaultPort: UInt16) {
        guard let endpoint = Endpoint(parsing: text, defaultPort: defaultPort) else { return nil }
        self.init(endpoint.host, port: endpoint.port)
    }

    public var isLoopback: Bool {
        switch host {
        case .v4(let first, _, _, _): first == 127
        case .v6(let high, let low, _): high == 0 && low == 1
        }
    }

    /// Whether this stands for every address of the machine.
    public var isAny: Bool {
        switch host {
        case .v4(let a, let b, let c, let d): (a, b, c, d) == (0, 0, 0, 0)
        case .v6(let high, let low, _): high == 0 && low == 0
        }
    }

    /// A link-local address that names no zone gets this one; any other is left as it is.
    public func inZone(_ zone: UInt32) -> SocketAddress {
        guard host.isLinkLocal, case .v6(let high, let low, zone: 0) = host else { return self }
        return SocketAddress(host: .v6(high, low, zone: zone), port: port)
    }

    /// Nobody is to be reached there before it is said on which network.
    public var lacksZone: Bool { host.isLinkLocal && zone == 0 }

    /// Of a link-local address; 0: none.
    public var zone: UInt32 {
        switch host {
        case .v4: 0
        case .v6(_, _, let zone): zone
        }
    }

    /// The address without its port, and without its zone, which means nothing elsewhere: `10.0.0.1`, `fe80::1`.
    public var hostText: String {
        switch host {
        case .v4(let a, let b, let c, let d): Self.dotted([a, b, c, d])
        case .v6: printed
        }
    }

    /// Each request that a balancer passes on names its client, and printing by the C library showed in the profile.
    private static func dotted(_ parts: InlineArray<4, UInt8>) -> String {
        // At most four times three digits, and three dots.
        unsafe String(unsafeUninitializedCapacity: 15) { text in
            var count = 0
            func put(_ byte: UInt8) {
                unsafe text[count] = byte
                count += 1
            }
            for index in 0..<4 {
                let part = parts[index]
                if index > 0 { put(UInt8(ascii: ".")) }
                if part >= 100 { put(UInt8(ascii: "0") + part / 100) }
                if part >= 10 { put(UInt8(ascii: "0") + part / 10 % 10) }
                put(UInt8(ascii: "0") + part % 10)
            }
            return count
        }
    }

    private var printed: String {
        unsafe withSockaddr { address, _ in
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
                unsafe uv_ip_name(address, text.baseAddress, text.count)
                return unsafe String(cString: text.baseAddress!)
            }
        }
    }

    public var description: String {
        switch host {
        case .v4: "\(hostText):\(port)"
        case .v6: "[\(hostText)]:\(port)"
        }
    }

    /// For programs on this machine, as ``init(parsing:defaultPort:)`` reads it: with the zone, `[fe80::1%eth0]:7946`.
    public var localText: String {
        guard let name = NetworkInterface.name(ofZone: zone) else { return description }
        return "[\(hostText)%\(name)]:\(port)"
    }

    // MARK: C

    init(_ address: sockaddr_in) {
        let bits = UInt32(bigEndian: address.sin_addr.s_addr)
        host = .v4(
            UInt8(truncatingIfNeeded: bits >> 24), UInt8(truncatingIfNeeded: bits >> 16),
            UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits))
        port = UInt16(bigEndian: address.sin_port)
    }

    init(_ address: sockaddr_in6) {
        let halves = unsafe withUnsafeBytes(of: address.sin6_addr) { bytes in
            unsafe (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        host = .v6(UInt64(bigEndian: halves.0), UInt64(bigEndian: halves.1), zone: address.sin6_scope_id)
        port = UInt16(bigEndian: address.sin6_port)
    }

    /// Nil for a family other than IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let raw = unsafe UnsafeRawPointer(address) else { return nil }
        switch unsafe Int32(address!.pointee.sa_family) {
        case AF_INET: self = unsafe SocketAddress(raw.loadUnaligned(as: sockaddr_in.self))
        case AF_INET6: self = unsafe SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self))
        default: return nil
        }
    }

    /// Lends the address as C has it, for the length of the call.
    func withSockaddr<Result, Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var storage = sockaddr_storage()
        let length = fill(&storage)
        return try unsafe withUnsafePointer(to: &storage) { pointer throws(Failure) in
            let address = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return try unsafe body(address, length)
        }
    }

    private func fill(_ storage: inout sockaddr_storage) -> socklen_t {
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            switch host {
            case .v4(let a, let b, let c, let d):
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                let bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
                address.sin_addr.s_addr = bits.bigEndian
                unsafe bytes.storeBytes(of: address, as: sockaddr_in.self)
                return socklen_t(MemoryLayout<sockaddr_in>.size)
            case .v6(let high, let low, let zone):
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                address.sin6_scope_id = zone
                unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { target in
                    unsafe target.storeBytes(of: high.bigEndian, as: UInt64.self)
                    unsafe target.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
                }
                unsafe bytes.storeBytes(of: address, as: sockaddr_in6.self)
                return socklen_t(MemoryLayout<sockaddr_in6>.size)
            }
        }
    }
}

extension SocketAddress {
    /// The address that a descriptor is bound to, or connected to.
    static func local(of descriptor: Int32) -> SocketAddress? { unsafe ask(descriptor, getsockname) }
    static func peer(of descriptor: Int32) -> SocketAddress? { unsafe ask(descriptor, getpeername) }

    private static func ask(
        _ descriptor: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            let address = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            guard unsafe call(descriptor, address, &length) == 0 else { return nil }
            return unsafe SocketAddress(address)
        }
    }
}
