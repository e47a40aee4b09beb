internal import CLibUV
internal import Glibc

/// Looks up host names by the system's resolver, on libuv's thread pool.
public enum NameResolver {
    /// Every address of a host, in the system's order of preference, without repetition; a numeric one is just read.
    /// - Throws: `UV_EAI_NONAME` and the like, with a reason in words.
    public static func addresses(of endpoint: Endpoint, on loop: EventLoop) async throws(UVError) -> [SocketAddress] {
        if let address = SocketAddress(endpoint.host, port: endpoint.port) { return [address] }
        return try await loop.offload { () throws(UVError) in try lookUp(endpoint) }
    }

    private static func lookUp(_ endpoint: Endpoint) throws(UVError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(endpoint.host, nil, &hints, &list)
        guard result == 0 else { throw UVError(code: libuvCode(result), call: "look up \(endpoint.host)") }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = unsafe list
        while let info = unsafe entry {
            if var address = unsafe SocketAddress(info.pointee.ai_addr) {
                address.port = endpoint.port
                if !addresses.contains(address) { addresses.append(address) }
            }
            unsafe entry = info.pointee.ai_next
        }
        return addresses
    }

    private static func libuvCode(_ code: Int32) -> Int32 {
        switch code {
        case EAI_AGAIN: UV_EAI_AGAIN.rawValue
        case EAI_FAIL: UV_EAI_FAIL.rawValue
        case EAI_MEMORY: UV_EAI_MEMORY.rawValue
        case EAI_SYSTEM: -errno
        default: UV_EAI_NONAME.rawValue
        }
    }
}
