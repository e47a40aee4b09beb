internal import Glibc
internal import IgropyrDatabase
internal import IgropyrTransport
internal import IgropyrUV

/// TLS between a context's buffers and its socket, since hiredis 0.14 has none; stays on its loop.
@safe
final class RedisTLS {
    /// What is encrypted at a time: more is when that is with the kernel.
    private static let pieceBytes = 256 << 10
    /// What is read at a time: a whole record, and its header.
    private static let readBytes = 17 << 10

    private let session: TLSSession
    private let descriptor: Int32
    private var ciphertext: [UInt8] = []
    private var sentCount = 0
    /// Why nothing more comes, after what has come.
    private var end: RedisError?

    init(_ session: TLSSession, _ descriptor: Int32) {
        self.session = session
        self.descriptor = descriptor
    }

    /// Whether all that came was lent.
    var isQuiet: Bool { end == nil && session.unreadBytes == 0 }

    /// Whether the kernel has taken all that was encrypted.
    var isFlushed: Bool { sentCount == ciphertext.count && session.untakenBytes == 0 }

    /// Nothing that is to be sent is taken until that is over.
    var isHandshaking: Bool { session.isHandshaking }

    /// Encrypts some of `plaintext`, unless earlier bytes still wait, and sends what the kernel takes.
    /// - Returns: how many bytes were encrypted, from the front; they are kept until they are sent.
    func send(_ plaintext: RawSpan) throws(RedisError) -> Int {
        guard sentCount == ciphertext.count else {
            try flush()
            return 0
        }
        let piece = plaintext.extracting(first: isHandshaking ? 0 : Self.pieceBytes)
        do throws(TLSError) { try session.write(plaintext: piece) } catch { throw failure(error) }
        try flush()
        return piece.byteCount
    }

    /// Lends, in clear, some of what has come, if anything has.
    func receive(_ body: (RawSpan) -> Void) throws(RedisError) {
        if let end { throw end }
        var bytes = [UInt8](repeating: 0, count: Self.readBytes)
        let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
        guard count != 0 else { throw .connectionLost("the server closed the connection") }
        guard count > 0 else { return try checkIsForLater("recv") }
        var hasLent = false
        do throws(TLSError) {
            try session.receive(ciphertext: unsafe bytes.span.bytes.extracting(first: count))
            var outcome = TLSSession.Outcome.data
            while outcome == .data {
                outcome = try session.read { bytes in
                    hasLent = true
                    body(bytes)
                }
            }
            if outcome == .endOfStream { end = .connectionLost("the server closed the connection") }
        } catch { end = failure(error) }
        if let end, !hasLent { throw end }
    }

    /// Tells the server that nothing more comes, if the kernel takes it at once.
    func close() {
        session.close()
        try? flush()
    }

    private func flush() throws(RedisError) {
        if sentCount == ciphertext.count {
            (ciphertext, sentCount) = ([], 0)
            session.takeCiphertext { bytes in
                unsafe bytes.withUnsafeBytes { unsafe ciphertext = Array($0) }
            }
        }
        guard !ciphertext.isEmpty else { return }
        let count = unsafe ciphertext.withUnsafeBytes { bytes in
            unsafe Glibc.send(
                descriptor, bytes.baseAddress! + sentCount, bytes.count - sentCount, Int32(MSG_NOSIGNAL))
        }
        guard count >= 0 else { return try checkIsForLater("send") }
        sentCount += count
    }

    /// Whether the kernel only has nothing to do now, or is still about to connect.
    private func checkIsForLater(_ call: String) throws(RedisError) {
        let code = errno
        guard code != EAGAIN, code != EINTR else { return }
        throw .connectionLost("\(UVError(code: -code, call: call))")
    }

    /// Another address of a server that is not the right one is no better.
    private func failure(_ error: TLSError) -> RedisError {
        try? flush()  // An alert may tell the server why.
        return isHandshaking ? .cannotConnect("\(error)") : .connectionLost("\(error)")
    }
}
