import Glibc
import IgropyrUV

/// A connection that sends bytes as they are, then that nothing follows, and hears all that is answered.
public struct WireExchange {
    public enum Target: Sendable {
        case address(SocketAddress)
        /// A socket in the file system.
        case socket(String)
    }

    private let socket: BlockingSocket

    private init(to target: Target) throws {
        switch target {
        case .address(let address): socket = try BlockingSocket(to: address)
        case .socket(let path):
            socket = try BlockingSocket(family: AF_UNIX)
            try socket.connect(toPath: path)
        }
    }

    /// Nil if the server has not ended the connection within a minute.
    public static func answer(of target: Target, to bytes: [UInt8]) throws -> [UInt8]? {
        let exchange = try WireExchange(to: target)
        try? exchange.socket.send(bytes)  // One that has refused the beginning may have closed.
        exchange.socket.endSending()
        return exchange.receiveAll()
    }

    /// Whether somebody takes connections there.
    public static func isOpen(_ target: Target) -> Bool { (try? WireExchange(to: target)) != nil }

    private func receiveAll() -> [UInt8]? {
        var received: [UInt8] = []
        do throws(BlockingSocket.Failure) {
            while case let piece = try socket.receive(), !piece.isEmpty { received += piece }
            return received
        } catch {
            return error.code == EAGAIN ? nil : received
        }
    }
}
