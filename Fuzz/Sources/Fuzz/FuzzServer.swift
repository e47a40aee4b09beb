import Dispatch
import Glibc
import IgropyrHTTP
import IgropyrTransport
import IgropyrUV

/// A whole server on a loop of its own, for what cannot be read without one: a connection of HTTP/1.1 or HTTP/2.
///
/// It lives as long as the process. What a connection leaves behind shows: the server takes only a few at a time, so that
/// soon none would be answered. Each property is the loop's own or the caller's, but for the port, which is set before.
final class FuzzServer: HTTPRequestHandler, @unchecked Sendable {
    static let shared = FuzzServer()

    private let thread: EventLoopThread
    private var server: HTTPServer?
    private var port: UInt16 = 0
    /// So many exchanges.
    private var connections: UInt32 = 0

    private init() {
        var settings = HTTPServerSettings()
        settings.connections = 8
        settings.http2.allowsExtendedConnect = true
        settings.http2.concurrentStreams = 8
        settings.limits.headBytes = 2 << 10
        settings.lingerTimeout = .milliseconds(200)
        do {
            thread = try EventLoopThread(name: "server")
        } catch { fatalError("\(error)") }
        let ready = DispatchSemaphore(value: 0)
        thread.loop.submit { [self, settings] in
            do {
                let listener = try TCPListener(on: thread.loop, binding: .loopback(port: 0))
                server = try HTTPServer(listener: listener, settings: settings, handler: self)
                port = listener.localAddress.port
            } catch { fatalError("\(error)") }
            ready.signal()
        }
        ready.wait()
    }

    /// Sends `bytes` on a connection of their own, ends it, and returns all that comes back.
    func exchange(_ bytes: [UInt8]) -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        require(descriptor >= 0, "no descriptor is left")
        defer { close(descriptor) }
        // From one address after the other: those of connections that have ended stay taken for a while.
        connections += 1
        var withoutPort: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &withoutPort, 4)
        let isBound = Self.with(0x7F01_0000 | connections & 0xFFFF, port: 0) { bind(descriptor, $0, $1) } == 0
        require(
            isBound && connectToServer(descriptor), "the server cannot be reached: \(String(cString: strerror(errno)))")
        _ = Self.uninterrupted { send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        shutdown(descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = Self.uninterrupted({ recv(descriptor, &buffer, buffer.count, 0) }), count > 0 {
            answer += buffer[..<count]
            require(answer.count <= 1 << 20, "the answer has no end")
        }
        return answer
    }

    /// Once interrupted, a connection goes on being made, and cannot be asked for again (`connect(2)`).
    private func connectToServer(_ descriptor: Int32) -> Bool {
        if Self.with(0x7F00_0001, port: port, { connect(descriptor, $0, $1) }) == 0 { return true }
        guard errno == EINTR else { return false }
        var wish = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = Self.uninterrupted { Int(poll(&wish, 1, -1)) }
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
        errno = error
        return error == 0
    }

    /// The fuzzer's clock rings once a second.
    private static func uninterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private static func with(
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

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        connection.exchange = FuzzExchange(connection)
    }
}

/// Sends a request's body back.
private final class FuzzExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private var body: [UInt8] = []

    init(_ connection: any HTTPServerStream) { self.connection = connection }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        body += bytes.array(in: 0..<bytes.byteCount)
        connection.pauseBody()
        connection.resumeBody()
    }

    func requestDidEnd() {
        do {
            try connection.beginResponse(status: 200, framing: .length(UInt64(body.count)))
            try connection.appendField("X-Count", "\(body.count)")
        } catch { fatalError("\(error)") }
        connection.endHead()
        connection.sendBody(body.span.bytes)
        connection.endResponse()
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}
