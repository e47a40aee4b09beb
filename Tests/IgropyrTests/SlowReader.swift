import Glibc
import IgropyrUV
import TestSupport

/// A client that takes next to nothing until it is told to. It blocks, so it is for a thread that may.
final class SlowReader {
    private let socket: BlockingSocket
    private let port: UInt16

    /// Connects to a port on loopback.
    convenience init(port: UInt16) throws {
        try self.init(descriptorFor: port)
        try connect()
    }

    /// Takes a descriptor, and leaves it at that until ``connect()``.
    init(descriptorFor port: UInt16) throws {
        self.port = port
        socket = try BlockingSocket(receiveBuffer: 4096)
    }

    func connect() throws { try socket.connect(to: .loopback(port: port)) }

    func send(_ text: String) throws { try socket.send(text) }

    /// All up to the first empty line.
    func receiveHead() throws -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let byte = try socket.receive(upTo: 1)
            guard !byte.isEmpty else { throw Ended(after: bytes) }
            bytes += byte
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    struct Ended: Error {
        let after: [UInt8]
    }

    /// So many bytes.
    func receive(_ count: Int) throws {
        var missing = count
        while missing > 0 {
            let piece = try socket.receive(upTo: min(missing, 4096))
            guard !piece.isEmpty else { throw Ended(after: []) }
            missing -= piece.count
        }
    }

    /// All up to the end; a reset is one, too.
    func receiveRest() throws -> [UInt8] {
        socket.set(SO_RCVBUF, Int32(1 << 20))
        var bytes: [UInt8] = []
        do throws(BlockingSocket.Failure) {
            while case let piece = try socket.receive(), !piece.isEmpty { bytes += piece }
        } catch {
            guard error.code == ECONNRESET else { throw error }
        }
        return bytes
    }
}
