import Glibc

/// A client's socket that blocks; the fuzzer's clock, which rings once a second, does not disturb it.
enum FuzzClient {
    /// Sends `bytes` on a connection of their own, and that nothing follows. The caller closes it.
    static func send(_ bytes: [UInt8], toPort port: UInt16) -> Int32 {
        let descriptor = connected(toPort: port)
        _ = uninterrupted { Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        shutdown(descriptor, Int32(SHUT_WR))
        return descriptor
    }

    /// Sends `bytes` on a connection of their own, ends it, and returns all that comes back.
    static func exchange(_ bytes: [UInt8], withPort port: UInt16) -> [UInt8] {
        let descriptor = send(bytes, toPort: port)
        defer { close(descriptor) }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = uninterrupted({ recv(descriptor, &buffer, buffer.count, 0) }), count > 0 {
            answer += buffer[..<count]
            require(answer.count <= 1 << 20, "the answer has no end")
        }
        return answer
    }

    /// So many connections were made, for the only thread that calls this.
    private nonisolated(unsafe) static var connections: UInt32 = 0

    /// From one address after the other: those of connections that have ended stay taken for a while.
    private static func connected(toPort port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        require(descriptor >= 0, "no descriptor is left")
        connections += 1
        var withoutPort: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &withoutPort, 4)
        let isBound = with(0x7F01_0000 | connections & 0xFFFF, port: 0) { bind(descriptor, $0, $1) } == 0
        require(
            isBound && connect(descriptor, toPort: port),
            "the server cannot be reached: \(String(cString: strerror(errno)))")
        return descriptor
    }

    /// Once interrupted, a connection goes on being made, and cannot be asked for again (`connect(2)`).
    private static func connect(_ descriptor: Int32, toPort port: UInt16) -> Bool {
        if with(0x7F00_0001, port: port, { Glibc.connect(descriptor, $0, $1) }) == 0 { return true }
        guard errno == EINTR else { return false }
        var wish = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = uninterrupted { Int(poll(&wish, 1, -1)) }
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
        errno = error
        return error == 0
    }

    static func uninterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    static func with(
        _ host: UInt32, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
