import Foundation
import Glibc
import TestSupport

@testable import IgropyrUV

/// A server that says what it likes: each answer to what it hears next, on one connection; then it waits for the end.
final class ScriptedRedis: Sendable {
    let url: String
    private let listener: Int32

    init(_ answers: [String]) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = freshAddress().withSockaddr { [listener] in bind(listener, $0, $1) }
        guard bound == 0, listen(listener, 1) == 0, let address = ListeningSocket.localAddress(of: listener) else {
            throw UVError(code: -errno, call: "listen")
        }
        url = "redis://\(address)"
        // It keeps the listener open.
        Thread.detachNewThread { [self] in serve(listener, answers.map { Array($0.utf8) }) }
    }

    deinit { close(listener) }

    /// Idempotent. To be called at last: the thread waits for one who connects.
    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }
}

private func serve(_ listener: Int32, _ answers: [[UInt8]]) {
    let peer = uninterrupted { accept(listener, nil, nil) }
    guard peer >= 0 else { return }
    defer { close(peer) }
    var heard = [UInt8](repeating: 0, count: 4096)
    for answer in answers {
        guard uninterrupted({ recv(peer, &heard, heard.count, 0) }) > 0 else { return }
        var rest = answer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                uninterrupted { send(peer, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
    while uninterrupted({ recv(peer, &heard, heard.count, 0) }) > 0 {}
}
