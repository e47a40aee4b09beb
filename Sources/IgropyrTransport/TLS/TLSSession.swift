internal import COpenSSL

/// One TLS connection as a value machine: bytes from the wire go in, bytes for the wire and plaintext come out.
///
/// Does no I/O and knows no time; not `Sendable`: it stays on its connection's loop. Its driver
/// 1. hands what it reads to ``receive(ciphertext:)``, then calls ``read(into:)`` until that is not ``Outcome/data``;
/// 2. after each call, a throwing one too (an alert may wait), sends what ``takeCiphertext(_:)`` lends;
/// 3. bounds the time that a handshake may take.
///
/// The first error is final: every later call throws it again.
@safe
public final class TLSSession {
    /// Bytes held for one connection; at a limit the call throws ``TLSError/Code/bufferFull`` and takes nothing.
    public struct Limits: Sendable {
        /// Plaintext written before the handshake is through.
        public var plaintextBeforeHandshakeBytes = 64 << 10
        /// Ciphertext received and not yet read; a whole record takes 16 640.
        public var unreadBytes = 1 << 20
        /// Ciphertext made and not yet taken.
        public var untakenBytes = 4 << 20

        public init() {}
    }

    public enum State: Sendable {
        case handshaking
        case open
        /// The first error was thrown.
        case failed
    }

    public enum Outcome: Sendable {
        /// Plaintext was lent; there may be more.
        case data
        /// Nothing more until the peer sends more.
        case needsCiphertext
        /// The peer said that nothing more comes; writing is still possible.
        case endOfStream
    }

    public let limits: Limits
    /// Plaintext that waits for the handshake.
    public var waitingBytes: Int { early.count }
    private let context: TLSContext
    /// An `SSL`; reads from and writes to `wire`. A server's is made when the first bytes come: who connects and says
    /// nothing costs none, and it is worked on while it is in the processor's cache.
    @exclusivity(unchecked)
    private var ssl: OpaquePointer?
    private let wire = TLSWire()
    @safe @exclusivity(unchecked) private var early: [UInt8] = []
    @safe @exclusivity(unchecked) private var failure: TLSError?
    /// The handshake is not through, and never will be if it has failed.
    @safe @exclusivity(unchecked) public private(set) var isHandshaking = true
    @safe @exclusivity(unchecked) private var isClosing = false
    /// What both ends agreed to speak above TLS, by its name in ALPN (RFC 7301), such as `h2`; nil before the handshake
    /// is through, and if the client offered nothing.
    public private(set) var negotiatedProtocol: String?

    /// A client's first message waits in ``takeCiphertext(_:)`` at once. `serverName` is whom a client expects: the
    /// name or the address that the server's certificate must carry.
    /// - Throws: `.setup` if a client has no memory, or no server name where a certificate is to prove it.
    public init(_ context: TLSContext, serverName: String? = nil, limits: Limits = Limits()) throws(TLSError) {
        self.limits = limits
        self.context = context
        guard context.role == .client else { return }
        try begin(expecting: serverName)
        try shakeHands()
    }

    deinit { unsafe SSL_free(ssl) }

    public var state: State {
        if failure != nil { return .failed }
        return isHandshaking ? .handshaking : .open
    }

    /// Whether this end is a server as browsers know them.
    var showsCertificate: Bool { context.certificates != nil }

    /// Whether the handshake was shortened by what the peers know of each other from an earlier one.
    public var isResumed: Bool { unsafe !isHandshaking && SSL_session_reused(ssl) == 1 }

    /// What the peer has shown and this end has verified; nil if it showed none. Made anew at each call.
    public var peerCertificate: TLSPeerCertificate? {
        guard !isHandshaking, let raw = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        return unsafe TLSPeerCertificate(X509Certificate(owning: raw))
    }

    /// The name of the issued key that a client has proven to hold; nil for a server's own keys, and certificates.
    public var issuedKeyName: String? {
        guard !isHandshaking, context.issuer != nil, let session = unsafe SSL_get_session(ssl) else { return nil }
        var data: UnsafeMutableRawPointer?
        var count = 0
        guard unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &count) == 1, count > 0 else { return nil }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: data, count: count), as: UTF8.self)
    }

    /// Bytes that came and were not read, such as a record's that has not come whole.
    public var unreadBytes: Int { wire.unreadBytes }

    /// Bytes that ``takeCiphertext(_:)`` would lend.
    public var untakenBytes: Int { wire.untakenBytes }

    /// Takes what came from the wire: any piece of any length. `body` may read; what it leaves unread is copied.
    public func receive(ciphertext: RawSpan, reading body: () -> Void = {}) throws(TLSError) {
        try checkUsable()
        guard ciphertext.byteCount <= limits.unreadBytes - wire.unreadBytes else {
            throw TLSError(.bufferFull, "more than \(limits.unreadBytes) bytes of ciphertext wait to be read")
        }
        try wire.lend(ciphertext) { () throws(TLSError) in
            if isHandshaking { try shakeHands() }
            body()
        }
    }

    /// The wire has ended. Unless the peer announced it, reading throws ``TLSError/Code/truncated`` once the records
    /// that came whole are read; during the handshake this call throws it.
    public func receiveEndOfFile() throws(TLSError) {
        try checkUsable()
        wire.end()
        if isHandshaking { try shakeHands() }
    }

    /// Lends the plaintext of at most one record (16 KiB) to `body`, which may write and close, but not read.
    public func read(into body: (RawSpan) -> Void) throws(TLSError) -> Outcome {
        try checkUsable()
        try checkRoom(for: 0)
        guard !isHandshaking else { return .needsCiphertext }
        let isRecordBegun = unsafe SSL_has_pending(ssl) == 1
        guard isRecordBegun || wire.isReadable else { return .needsCiphertext }
        // Plaintext is no longer than its record; up to 1 KiB of scratch is on the stack.
        let room = isRecordBegun ? Self.recordBytes : max(1, min(wire.unreadBytes, Self.recordBytes))
        forgetErrors()
        let result = unsafe withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { scratch in
            let count = unsafe SSL_read(ssl, scratch.baseAddress, Int32(scratch.count))
            if count > 0 { unsafe body(UnsafeRawBufferPointer(rebasing: scratch[..<Int(count)]).bytes) }
            return count
        }
        guard result <= 0 else { return .data }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .needsCiphertext
        case SSL_ERROR_ZERO_RETURN: return .endOfStream
        default: throw fail(.taken(during: .transfer))
        }
    }

    /// Encrypts all of `plaintext`; before the handshake is through, keeps it.
    public func write(plaintext: RawSpan) throws(TLSError) {
        try checkUsable()
        guard !isClosing else { throw TLSError(.closed, "this end has closed the connection") }
        guard plaintext.byteCount > 0 else { return }
        if isHandshaking {
            try keep(plaintext)
        } else {
            try checkRoom(for: plaintext.byteCount)
            try encrypt(plaintext)
        }
    }

    /// Says that nothing more comes from this end (`close_notify`), so that the peer can tell the end from a cut.
    /// Idempotent; what the peer still sends can be read. During the handshake: said once that and what was written
    /// before are through.
    public func close() {
        guard !isClosing, failure == nil else { return }
        isClosing = true
        if !isHandshaking { sayEnd() }
    }

    /// Lends all that must go onto the wire, then forgets it; does not call `body` when there is nothing.
    public func takeCiphertext(_ body: (RawSpan) -> Void) { wire.take(body) }

    private func begin(expecting serverName: String? = nil) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(context.raw) else { throw .taken(during: .setup) }
        unsafe self.ssl = ssl
        try unsafe wire.attach(to: ssl)
        try unsafe context.expect(serverName, of: ssl)
        switch context.role {
        case .server: unsafe SSL_set_accept_state(ssl)
        case .client: unsafe SSL_set_connect_state(ssl)
        }
    }

    private func shakeHands() throws(TLSError) {
        if unsafe ssl == nil {
            do throws(TLSError) { try begin() } catch { throw fail(error) }
        }
        forgetErrors()
        let result = unsafe SSL_do_handshake(ssl)
        guard result != 1 else { return try finishHandshake() }
        guard unsafe SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ else { return }
        throw fail(explained(.taken(during: .handshake(byKey: !context.preSharedKeys.isEmpty))))
    }

    private func finishHandshake() throws(TLSError) {
        // A key that was used counts for OpenSSL as a session resumed. Anything else has no place in this context.
        let isProven = unsafe SSL_session_reused(ssl) == 1
        guard isProven || context.preSharedKeys.isEmpty else {
            throw fail(TLSError(.noKeyOffered, "the peer does not prove that it holds the cluster key"))
        }
        isHandshaking = false
        negotiatedProtocol = agreedProtocol()
        let kept = early
        early = []
        if !kept.isEmpty { try unsafe encrypt(kept.span.bytes) }
        if isClosing { sayEnd() }
    }

    private func agreedProtocol() -> String? {
        var (start, count) = unsafe (UnsafePointer<UInt8>?.none, UInt32(0))
        unsafe SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start = unsafe start, count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// Adds to a certificate's refusal what is wrong with it.
    private func explained(_ error: TLSError) -> TLSError {
        guard error.code == .untrustedPeer, context.preSharedKeys.isEmpty,
            case let result = unsafe SSL_get_verify_result(ssl), result != X509_V_OK,
            let reason = unsafe X509_verify_cert_error_string(result)
        else { return error }
        return unsafe TLSError(.untrustedPeer, "\(error.description): \(String(cString: reason))")
    }

    private func sayEnd() {
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// OpenSSL's answers are told from what some other call left behind on this thread, which is rare.
    private func forgetErrors() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    private func keep(_ plaintext: RawSpan) throws(TLSError) {
        guard plaintext.byteCount <= limits.plaintextBeforeHandshakeBytes - early.count else {
            throw TLSError(
                .bufferFull, "\(limits.plaintextBeforeHandshakeBytes) bytes wait for the handshake already")
        }
        unsafe plaintext.withUnsafeBytes { unsafe early.append(contentsOf: $0) }
    }

    private func encrypt(_ plaintext: RawSpan) throws(TLSError) {
        forgetErrors()
        var written = 0
        wire.reserve(plaintext.byteCount + (plaintext.byteCount / Self.recordBytes + 1) * Self.recordOverheadBytes)
        let result = unsafe plaintext.withUnsafeBytes { unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &written) }
        guard result == 1, written == plaintext.byteCount else { throw fail(.taken(during: .transfer)) }
    }

    /// Plaintext that a record holds (RFC 8446 §5.1).
    private static let recordBytes = 16 << 10
    /// At least what such a record adds: header, nonce or type, tag.
    private static let recordOverheadBytes = 32

    /// Also asked before reading: a peer may make this end answer (key updates) without ever taking the answers.
    private func checkRoom(for byteCount: Int) throws(TLSError) {
        guard byteCount <= limits.untakenBytes - untakenBytes else {
            throw TLSError(.bufferFull, "more than \(limits.untakenBytes) bytes of ciphertext wait to be taken")
        }
    }

    private func checkUsable() throws(TLSError) {
        if let failure { throw failure }
    }

    private func fail(_ error: TLSError) -> TLSError {
        failure = error
        early = []
        return error
    }
}
