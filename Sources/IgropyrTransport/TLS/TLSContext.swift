internal import COpenSSL

/// What the TLS sessions of one kind have in common: protocol versions, who is trusted and how this end proves itself.
///
/// Immutable, so any number of sessions on any thread may share one. Other ways to prove oneself are other factories.
@safe
public final class TLSContext: Sendable {
    public enum Role: Sendable { case server, client }

    public let role: Role
    /// The secret of a context made by ``preSharedKey(_:role:)``; its sessions accept no other proof.
    let preSharedKey: PreSharedKey?

    /// An `SSL_CTX`. Nothing changes it after `init`, and OpenSSL counts its references atomically.
    nonisolated(unsafe) let raw: OpaquePointer

    private init(role: Role, preSharedKey: PreSharedKey?) throws(TLSError) {
        ERR_clear_error()
        let method = unsafe role == .server ? TLS_server_method() : TLS_client_method()
        guard let context = unsafe SSL_CTX_new(method) else { throw .taken(during: .setup) }
        self.role = role
        self.preSharedKey = preSharedKey
        unsafe raw = context
        try restrict()
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// TLS 1.3 with a key that both ends hold (RFC 8446 §2.2), always with a Diffie-Hellman exchange (`psk_dhe_ke`):
    /// who learns the key later still cannot read what was recorded.
    ///
    /// A peer without the key fails the handshake, at whichever end it stands. No tickets, no early data.
    public static func preSharedKey(_ key: PreSharedKey, role: Role) throws(TLSError) -> TLSContext {
        let context = try TLSContext(role: role, preSharedKey: key)
        context.installPreSharedKey()
        return context
    }

    /// What every context forbids: versions before 1.3, tickets, renegotiation, compression, keys without an exchange.
    private func restrict() throws(TLSError) {
        let isSet =
            unsafe igropyr_SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1
            && igropyr_SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1
            // Suites with SHA-256 only: the hash that a key from outside is bound to.
            && SSL_CTX_set_ciphersuites(raw, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1
            && SSL_CTX_set_num_tickets(raw, 0) == 1
        guard isSet else { throw .taken(during: .setup) }
        let forbidden = igropyr_SSL_OP_NO_COMPRESSION | igropyr_SSL_OP_NO_RENEGOTIATION | igropyr_SSL_OP_NO_TICKET
        _ = unsafe SSL_CTX_set_options(raw, forbidden)
        _ = unsafe SSL_CTX_clear_options(raw, igropyr_SSL_OP_ALLOW_NO_DHE_KEX)
        unsafe igropyr_SSL_CTX_set_session_cache_mode(raw, Int(SSL_SESS_CACHE_OFF))
        // Between records an idle session holds no 16 KiB buffers.
        unsafe igropyr_SSL_CTX_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
        // Without this a client takes any certificate. Nothing is in the store of trust: each certificate fails.
        if role == .client { unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil) }
    }
}
