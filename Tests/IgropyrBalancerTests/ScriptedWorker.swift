import Glibc
import IgropyrUV
import TestSupport

/// A worker that answers with exactly the bytes it is told, one connection at a time. Blocks its thread.
final class ScriptedWorker {
    let address: SocketAddress
    private let listener: Int32

    init() throws {
        listener = try ListeningSocket.open(.loopback(port: 0))
        address = ListeningSocket.localAddress(of: listener)!
    }

    deinit { close(listener) }

    /// Takes a connection, reads some of the request, up to `ending` if that is given, answers and ends the connection;
    /// before that, calls `rest`, which says what more to answer.
    /// - Returns: what it has read.
    @discardableResult func answer(
        _ text: String, after ending: String = "", then rest: (() throws -> String)? = nil
    ) throws -> String {
        try wait(for: listener)
        let connection = uninterrupted { accept(listener, nil, nil) }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        guard connection >= 0 else { throw RawClient.Failure(call: "accept: \(errno)") }
        defer { close(connection) }
        var seen = ""
        repeat {
            try wait(for: connection)
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = uninterrupted { recv(connection, &buffer, buffer.count, 0) }
            guard count > 0 || ending.isEmpty else { throw RawClient.Failure(call: "ended after \(seen)") }
            seen += String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        } while !seen.hasSuffix(ending)
        var bytes = Array(text.utf8)
        if let rest {
            _ = Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            bytes = Array(try rest().utf8)
        }
        // In one packet with the end.
        _ = Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_MORE))
        return seen
    }

    private func wait(for descriptor: Int32) throws {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard uninterrupted({ poll(&entry, 1, 60_000) }) == 1 else {
            throw RawClient.Failure(call: "nothing came in a minute")
        }
    }
}
