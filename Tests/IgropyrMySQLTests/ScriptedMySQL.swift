import Foundation
import Glibc
import TestSupport
import Testing

@testable import IgropyrUV

/// A server that says what it likes, on one connection: the first answer at once, each other to what it hears next;
/// then it waits for the end.
final class ScriptedMySQL: Sendable {
    let url: String
    private let listener: Int32
    private let heard = Locked<[UInt8]>([])
    private let news = Signal()

    init(_ answers: [[UInt8]]) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = freshAddress().withSockaddr { [listener] in bind(listener, $0, $1) }
        guard bound == 0, listen(listener, 1) == 0, let address = ListeningSocket.localAddress(of: listener) else {
            throw UVError(code: -errno, call: "listen")
        }
        url = "mysql://app:secret@\(address)"
        // It keeps the listener open.
        Thread.detachNewThread { [self] in serve(answers) }
    }

    deinit { close(listener) }

    /// Idempotent. To be called at last: the thread waits for one who connects.
    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    /// All that it was told so far.
    var words: [UInt8] { heard.withLock { $0 } }

    /// Returns once it was told something of that size.
    func hears(moreThan count: Int) async {
        var messages = 0
        while words.count <= count {
            messages += 1
            guard await news.wait(for: messages) else { return }
        }
    }

    private func serve(_ answers: [[UInt8]]) {
        let peer = uninterrupted { accept(listener, nil, nil) }
        guard peer >= 0 else { return }
        defer { close(peer) }
        for (index, answer) in answers.enumerated() {
            guard index == 0 || hear(peer) else { return }
            guard say(answer, to: peer) else { return }
        }
        while hear(peer) {}
    }

    private func hear(_ peer: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = uninterrupted { recv(peer, &bytes, bytes.count, 0) }
        guard count > 0 else { return false }
        heard.withLock { $0 += bytes.prefix(count) }
        news.send()
        return true
    }

    private func say(_ answer: [UInt8], to peer: Int32) -> Bool {
        var rest = answer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                uninterrupted { send(peer, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

// Packets of MariaDB's client/server protocol.
extension [UInt8] {
    static func packet(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [UInt8(count & 255), UInt8(count >> 8 & 255), UInt8(count >> 16), number] + payload
    }

    static func greeting(withTLS: Bool) -> [UInt8] {
        let capabilities: UInt32 = 0x81ff_f7ff & (withTLS ? ~0 : ~0x800)
        let low = [UInt8(capabilities & 255), UInt8(capabilities >> 8 & 255)]
        let high = [UInt8(capabilities >> 16 & 255), UInt8(capabilities >> 24)]
        var payload: [UInt8] = [10] + Array("5.5.5-10.11.6-MariaDB\0".utf8) + [7, 0, 0, 0]
        payload += Array("abcdefgh\0".utf8) + low + [45, 2, 0] + high + [21]
        payload += [UInt8](repeating: 0, count: 10) + Array("ijklmnopqrst\0mysql_native_password\0".utf8)
        return packet(0, payload)
    }

    static func ok(_ number: UInt8) -> [UInt8] { packet(number, [0, 0, 0, 2, 0, 0, 0]) }
    static func end(_ number: UInt8) -> [UInt8] { packet(number, [0xfe, 0, 0, 2, 0]) }
    static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + text.utf8 }

    static func column(_ number: UInt8, _ name: String, type: UInt8) -> [UInt8] {
        let names = text("def") + text("") + text("") + text("") + text(name) + text("")
        return packet(number, names + [12, 63, 0, 20, 0, 0, 0, type, 0, 0, 0, 0, 0])
    }

    /// What comes until a connection is there: all is well, and the server says who it is.
    static var welcome: [[UInt8]] {
        [
            greeting(withTLS: false), ok(2),
            packet(1, [2]) + column(2, "s", type: 253) + column(3, "n", type: 253) + end(4)
                + packet(5, text("here:1") + text("7")) + end(6),
        ]
    }

    /// Says that a statement without parameters was prepared, which gives one column.
    static func prepared(type: UInt8) -> [UInt8] {
        packet(1, [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + column(2, "a", type: type) + end(3)
    }

    /// Rows of a statement with one column.
    static func rows(type: UInt8, _ rows: [[UInt8]]) -> [UInt8] {
        var bytes = packet(1, [1]) + column(2, "a", type: type) + end(3)
        for (index, row) in rows.enumerated() { bytes += packet(UInt8(4 + index), row) }
        return bytes + end(UInt8(4 + rows.count))
    }
}
