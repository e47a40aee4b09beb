import Glibc
import IgropyrUV
import TestSupport

/// A client that sends exactly the bytes it is given. Blocks its thread, as ``BlockingSocket`` does. Used by
/// one task at a time.
final class RawClient: @unchecked Sendable {
    struct Response {
        var status: Int
        var fields: [(name: String, value: String)]
        var body: [UInt8]
        /// False if the connection ended before the response did.
        var isWhole: Bool

        var text: String { String(decoding: body, as: UTF8.self) }
        func values(_ name: String) -> [String] {
            fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        }
    }

    struct Failure: Error { var call: String }

    private let socket: BlockingSocket
    private var input: [UInt8] = []

    init(to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        socket = try BlockingSocket(to: address, receiveBuffer: receiveBuffer)
    }

    /// Where it has connected from.
    var address: SocketAddress? { ListeningSocket.localAddress(of: socket.descriptor) }

    func send(_ text: String) throws { try socket.send(text) }

    func send(_ bytes: [UInt8]) throws { try socket.send(bytes) }

    /// Sends zeros until nothing more is taken for a while.
    /// - Returns: how many were.
    func sendUntilStopped(limit: Int) throws -> Int {
        let piece = [UInt8](repeating: 0, count: 64 << 10)
        var (sent, calm) = (0, 0)
        while sent < limit, calm < 30 {
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let count = uninterrupted { Glibc.send(socket.descriptor, piece, piece.count, flags) }
            guard count > 0 || errno == EAGAIN else { throw Failure(call: "send: \(errno)") }
            (sent, calm) = (sent + max(0, count), count > 0 ? 0 : calm + 1)
            if count <= 0 { usleep(10_000) }
        }
        return sent
    }

    /// Has the connection end by a reset, and nothing before it, when nobody refers to this any more.
    func resetAtEnd() {
        socket.set(SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    }

    /// Ends the connection by a reset.
    func reset() {
        resetAtEnd()
        shutdown(socket.descriptor, Int32(SHUT_RDWR))
    }

    /// False at the end of the connection.
    private func readMore() throws -> Bool {
        do throws(BlockingSocket.Failure) {
            let bytes = try socket.receive()
            input += bytes
            return !bytes.isEmpty
        } catch {
            guard error.code == ECONNRESET else { throw error }
            return false
        }
    }

    /// Whether the peer has ended the connection, with nothing sent before.
    func isEnded() throws -> Bool { try input.isEmpty && !readMore() }

    /// All that comes until the end.
    func readToEnd() throws -> String {
        while try readMore() {}
        return String(decoding: input, as: UTF8.self)
    }

    /// All that comes until the bytes are there.
    func read(until ending: [UInt8]) throws -> [UInt8] {
        while !input.contains(ending) { guard try readMore() else { throw Failure(call: "no \(ending)") } }
        return input
    }

    private func readLine() throws -> String? {
        while true {
            if let end = input.firstIndex(of: 0x0A) {
                let line = String(decoding: input[..<end], as: UTF8.self)
                input.removeSubrange(...end)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard try readMore() else { return nil }
        }
    }

    private func take(_ count: Int, into body: inout [UInt8]) throws -> Bool {
        var left = count
        while left > 0 {
            if input.isEmpty {
                guard try readMore() else { return false }
            }
            let part = min(left, input.count)
            body += input[..<part]
            input.removeSubrange(..<part)
            left -= part
        }
        return true
    }

    func readResponse(to method: String = "GET") throws -> Response {
        guard let line = try readLine() else { throw Failure(call: "no response") }
        let words = line.split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw Failure(call: "no status line: \(line)") }
        var response = Response(status: status, fields: [], body: [], isWhole: true)
        while let line = try readLine(), !line.isEmpty {
            let colon = line.utf8.firstIndex(of: UInt8(ascii: ":"))!
            let value = line[line.utf8.index(after: colon)...].drop { $0 == " " }
            response.fields.append((String(line[..<colon]), String(value)))
        }
        if method == "HEAD" || status == 204 || status == 304 || status < 200 { return response }
        if response.values("Transfer-Encoding") == ["chunked"] {
            response.isWhole = try readChunks(into: &response.body)
        } else if let length = response.values("Content-Length").first.flatMap({ Int($0) }) {
            response.isWhole = try take(length, into: &response.body)
        } else {
            while try readMore() {}
            response.body = input
            input = []
        }
        return response
    }

    private func readChunks(into body: inout [UInt8]) throws -> Bool {
        while let line = try readLine(), let size = Int(line, radix: 16) {
            guard try take(size, into: &body) else { return false }
            guard try readLine() == "" else { return false }
            if size == 0 { return true }
        }
        return false
    }

    func exchange(_ request: String) throws -> Response {
        try send(request)
        return try readResponse(to: String(request.prefix { $0 != " " }))
    }

    func get(_ target: String, _ fields: String = "") throws -> Response {
        try exchange("GET \(target) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n")
    }
}
