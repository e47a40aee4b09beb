import Glibc
import IgropyrUV

/// A client that takes next to nothing until it is told to. It blocks, so it is for a thread that may.
final class SlowReader {
    private let socket: Int32

    private let port: UInt16

    /// Connects to a port on loopback.
    convenience init(port: UInt16) throws {
        try self.init(descriptorFor: port)
        try connect()
    }

    /// Takes a descriptor, and leaves it at that until ``connect()``.
    init(descriptorFor port: UInt16) throws {
        self.port = port
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket", code: errno) }
        set(SO_RCVBUF, Int32(4096))
        set(SO_RCVTIMEO, timeval(tv_sec: 60, tv_usec: 0))
    }

    func connect() throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) }
        }
        guard result == 0 else { throw Failure(call: "connect", code: errno) }
    }

    struct Failure: Error {
        let call: String
        let code: Int32
    }

    deinit { close(socket) }

    func send(_ text: String) throws {
        guard text.utf8.count == Glibc.send(socket, text, text.utf8.count, Int32(MSG_NOSIGNAL)) else {
            throw Failure(call: "send", code: errno)
        }
    }

    /// All up to the first empty line.
    func receiveHead() throws -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            var byte: UInt8 = 0
            guard recv(socket, &byte, 1, 0) == 1 else { throw Failure(call: "recv", code: errno) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// All up to the end; a reset is one, too.
    func receiveRest() throws -> [UInt8] {
        set(SO_RCVBUF, Int32(1 << 20))
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(socket, &piece, piece.count, 0)
            if count == 0 || count < 0 && errno == ECONNRESET { return bytes }
            guard count > 0 else { throw Failure(call: "recv", code: errno) }
            bytes += piece[..<count]
        }
    }

    private func set<Value: BitwiseCopyable>(_ option: Int32, _ value: Value) {
        var value = value
        setsockopt(socket, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
    }
}
