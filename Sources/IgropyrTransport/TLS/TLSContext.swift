internal import COpenSSL

/// What the TLS sessions of one kind have in common: protocol versions, who is trusted and how this end proves itself.
///
/// Immutable, so any number of sessions on any thread may share one. Each way to prove oneself is a factory of its own.
@safe
public final class TLSContext: Sendable {
    public enum Role: Sendable { case server, client }

    /// How the two ends prove themselves.
    enum Proof: Sendable {
        /// Sessions accept no other proof. A client shows the first; a server asks `issuer` about others' names.
        case preSharedKeys([PreSharedKey], issuer: PreSharedKeyIssuer?)
        case serverCertificates(ServerCertificates)
        /// The server shows a certificate; see ``TLSContext/client(trusting:showing:applicationProtocols:)``.
        case trust
    }

    public let role: Role
    let proof: Proof
    /// What this end speaks above TLS, by the names that ALPN has for it (RFC 7301), best first; empty to leave it
    /// open.
    let applicationProtocols: [String]

    /// The `SSL_CTX` that sessions begin with. Nothing changes it once the factory has returned, and OpenSSL counts its
    /// references atomically.
    nonisolated(unsafe) let raw: OpaquePointer

    /// Takes over `raw`, and has its callbacks find this context.
    init(_ role: Role, _ proof: Proof, applicationProtocols: [String] = [], owning raw: OpaquePointer) {
        self.role = role
        self.proof = proof
        self.applicationProtocols = applicationProtocols
        unsafe self.raw = raw
        unsafe installBackReference(in: raw)
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// The context outlives its sessions, which retain it, so OpenSSL may keep a pointer to it that retains nothing.
    func installBackReference(in raw: OpaquePointer) {
        unsafe SSL_CTX_set_ex_data(raw, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    static func of(_ ssl: OpaquePointer?) -> TLSContext? {
        guard let pointer = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return nil }
        return unsafe Unmanaged<TLSContext>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Empty where certificates are the proof.
    var preSharedKeys: [PreSharedKey] {
        if case .preSharedKeys(let keys, _) = proof { return keys }
        return []
    }

    var issuer: PreSharedKeyIssuer? {
        if case .preSharedKeys(_, let issuer) = proof { return issuer }
        return nil
    }

    /// A fresh `SSL_CTX` with what every context forbids: compression, renegotiation, keys without an exchange, a cache
    /// of sessions. Early data is off unless asked for.
    static func makeRaw(_ role: Role, from minimum: Int32) throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        let method = unsafe role == .server ? TLS_server_method() : TLS_client_method()
        guard let raw = unsafe SSL_CTX_new(method) else { throw .taken(during: .setup) }
        guard
            unsafe igropyr_SSL_CTX_set_min_proto_version(raw, minimum) == 1,
            unsafe igropyr_SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1
        else {
            unsafe SSL_CTX_free(raw)
            throw .taken(during: .setup)
        }
        _ = unsafe SSL_CTX_set_options(raw, igropyr_SSL_OP_NO_COMPRESSION | igropyr_SSL_OP_NO_RENEGOTIATION)
        _ = unsafe SSL_CTX_clear_options(raw, igropyr_SSL_OP_ALLOW_NO_DHE_KEX)
        unsafe igropyr_SSL_CTX_set_session_cache_mode(raw, Int(SSL_SESS_CACHE_OFF))
        // Between records an idle session holds no 16 KiB buffers. A chain is sent as the file has it.
        unsafe igropyr_SSL_CTX_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS) | Int(SSL_MODE_NO_AUTO_CHAIN))
        // Without this a client takes any certificate. While nothing is in the store of trust, each certificate fails.
        if role == .client { unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil) }
        return unsafe raw
    }
}
