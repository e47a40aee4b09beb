import Glibc
import IgropyrUV

/// A connection that sends bytes as they are, then that nothing follows, and hears all that is answered.
public struct WireExchange {
    public enum Target: Sendable {
        case address(SocketAddress)
        /// A socket in the file system.
        case socket(String)
    }

    public struct Failure: Error {
        let code: Int32
    }

    private let descriptor: Int32

    private init(to target: Target) throws {
        switch target {
        case .address(let address):
            var peer = sockaddr_in()
            peer.sin_family = sa_family_t(AF_INET)
            peer.sin_port = address.port.bigEndian
            peer.sin_addr.s_addr = inet_addr(address.hostText)
            descriptor = try withUnsafePointer(to: &peer) { try Self.connect(AF_INET, $0) }
        case .socket(let path):
            var peer = sockaddr_un()
            peer.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &peer.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            descriptor = try withUnsafePointer(to: &peer) { try Self.connect(AF_UNIX, $0) }
        }
    }

    /// Nil if the server has not ended the connection within a minute.
    public static func answer(of target: Target, to bytes: [UInt8]) throws -> [UInt8]? {
        let exchange = try WireExchange(to: target)
        defer { close(exchange.descriptor) }
        exchange.send(bytes)
        return exchange.receiveAll()
    }

    /// Whether somebody takes connections there.
    public static func isOpen(_ target: Target) -> Bool {
        guard let exchange = try? WireExchange(to: target) else { return false }
        close(exchange.descriptor)
        return true
    }

    private func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            // One that has refused the beginning may have closed.
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        shutdown(descriptor, Int32(SHUT_WR))
    }

    private func receiveAll() -> [UInt8]? {
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count > 0 else { return count < 0 && errno == EAGAIN ? nil : received }
            received += piece.prefix(count)
        }
    }

    private static func connect<Address>(_ family: Int32, _ address: UnsafePointer<Address>) throws -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let size = socklen_t(MemoryLayout<Address>.size)
        let result = address.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
        guard result == 0 else {
            defer { close(descriptor) }
            throw Failure(code: errno)
        }
        return descriptor
    }
}
