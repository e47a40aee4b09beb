internal import CLibUV
internal import Glibc

/// A network interface of this machine that is up.
public struct NetworkInterface: Hashable, Sendable {
    public let name: String
    /// Its number, by which link-local addresses tell their networks apart.
    public let zone: UInt32
    public private(set) var addresses: [SocketAddress.Host]

    /// As the system has them now, in its order.
    /// - Throws: `UV_ENOMEM`, or what else the system says.
    public static func all() throws(UVError) -> [NetworkInterface] {
        var entries: UnsafeMutablePointer<uv_interface_address_t>?
        var count: Int32 = 0
        try check(unsafe uv_interface_addresses(&entries, &count), "uv_interface_addresses")
        defer { unsafe uv_free_interface_addresses(entries, count) }
        var interfaces: [NetworkInterface] = []
        for index in 0..<Int(count) {
            let entry = unsafe entries![index]
            let name = unsafe String(cString: entry.name)
            let isIPv4 = unsafe Int32(entry.address.address4.sin_family) == AF_INET
            let host =
                unsafe isIPv4
                ? SocketAddress(entry.address.address4).host : SocketAddress(entry.address.address6).host
            if let index = interfaces.firstIndex(where: { $0.name == name }) {
                interfaces[index].addresses.append(host)
            } else {
                interfaces.append(NetworkInterface(name: name, zone: unsafe if_nametoindex(name), addresses: [host]))
            }
        }
        return interfaces
    }

    /// The one that has the first of these addresses that any has; the address is the interface's first, then. A
    /// link-local one is looked for in its zone, if it names one.
    public static func having(oneOf hosts: [SocketAddress.Host]) throws(UVError) -> NetworkInterface? {
        let interfaces = try all()
        for host in hosts {
            for var interface in interfaces {
                guard let place = interface.place(of: host) else { continue }
                interface.addresses.swapAt(0, place)
                return interface
            }
        }
        return nil
    }

    /// Nil for 0 and for one that is not there any more.
    static func name(ofZone zone: UInt32) -> String? {
        guard zone != 0 else { return nil }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { name in
            guard unsafe if_indextoname(zone, name.baseAddress) != nil else { return nil }
            return unsafe String(cString: name.baseAddress!)
        }
    }

    private func place(of host: SocketAddress.Host) -> Int? {
        guard case .v6(let high, let low, let zone) = host else { return addresses.firstIndex(of: host) }
        guard zone == 0 || zone == self.zone else { return nil }
        return addresses.firstIndex { if case .v6(high, low, _) = $0 { true } else { false } }
    }
}
