import Dispatch
import IgropyrHTTP
import IgropyrTransport
import IgropyrUV

/// A whole server on a loop of its own, for what cannot be read without one: a connection of HTTP/1.1 or HTTP/2.
///
/// It lives as long as the process. What a connection leaves behind shows: the server takes only a few at a time, so
/// that soon none would be answered. Each property is the loop's own or the caller's, but for the port, which is set
/// before.
final class FuzzServer: HTTPRequestHandler, @unchecked Sendable {
    static let shared = FuzzServer()

    private let thread: EventLoopThread
    private var server: HTTPServer?
    private var port: UInt16 = 0

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
    func exchange(_ bytes: [UInt8]) -> [UInt8] { FuzzClient.exchange(bytes, withPort: port) }

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
