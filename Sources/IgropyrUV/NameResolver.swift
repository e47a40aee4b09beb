internal import CLibUV
internal import Glibc

/// Looks up host names by the system's resolver, on threads of its own: 16 names at once.
public enum NameResolver {
    /// How long a name is waited for by who has no bound of his own: longer than the resolver by itself asks two name
    /// servers.
    public static let patience = Duration.seconds(30)
    static let threadLimit = 16
    static let queueLimit = 1_024

    private static let hosts = Lookups<String, [SocketAddress]>(threads: threadLimit, queue: queueLimit) { host in
        Result { () throws(UVError) in try lookUp(host) }
    }

    /// Every address of a host, in the system's order of preference, without repetition; a numeric one is just read.
    /// For any thread.
    /// - Throws: `UV_EAI_NONAME` and the like, with a reason in words; `UV_ETIMEDOUT` after `time`, `UV_ECANCELED` when
    ///   the task is cancelled. The resolver cannot be interrupted: it goes on, and who asks again meanwhile hears its
    ///   answer.
    public static func addresses(
        of endpoint: Endpoint, within time: Duration = patience
    ) async throws(UVError) -> [SocketAddress] {
        if let address = SocketAddress(endpoint.host, port: endpoint.port) { return [address] }
        let found = try await hosts.answer(to: endpoint.host, within: time, call: "look up \(endpoint.host)")
        return found.map { address in
            var address = address
            address.port = endpoint.port
            return address
        }
    }

    private static func lookUp(_ host: String) throws(UVError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(host, nil, &hints, &list)
        guard result == 0 else { throw UVError(code: libuvCode(result), call: "look up \(host)") }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = unsafe list
        while let info = unsafe entry {
            if let address = unsafe SocketAddress(info.pointee.ai_addr), !addresses.contains(address) {
                addresses.append(address)
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
