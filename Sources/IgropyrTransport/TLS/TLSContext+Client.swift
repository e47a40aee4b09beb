internal import COpenSSL

extension TLSContext {
    /// Whose word a client takes for who a server is.
    public enum Trust: Sendable, Hashable {
        /// The authorities that this machine trusts (OpenSSL's default folder and file, `SSL_CERT_FILE`,
        /// `SSL_CERT_DIR`).
        case system
        /// Those in a PEM file, and no others.
        case authorities(file: String)
        /// Nobody's: whatever a server shows is taken. That keeps out who listens, not who stands between.
        case unverified
    }

    /// A client's context: TLS 1.2 or 1.3; the server must show a certificate that is valid, for its name, and issued
    /// by an authority that is trusted, unless `trust` is `.unverified`. To a server that asks for it, the client shows
    /// `certificate`. Blocks while it reads files.
    /// - Throws: `.unusableFile`, which names the file and says what to do; `.setup`.
    public static func client(
        trusting trust: Trust = .system, showing certificate: TLSConfiguration.Certificate? = nil,
        applicationProtocols: [String] = ["http/1.1"]
    ) throws(TLSError) -> TLSContext {
        let raw = try unsafe makeRaw(.client, from: TLS1_2_VERSION)
        let context = unsafe TLSContext(.client, .trust, applicationProtocols: applicationProtocols, owning: raw)
        switch trust {
        case .system:
            guard unsafe SSL_CTX_set_default_verify_paths(raw) == 1 else { throw .taken(during: .setup) }
        case .authorities(let file): try unsafe TrustedAuthorities(reading: file).install(in: raw)
        case .unverified: unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nil)
        }
        if let certificate { try unsafe TLSIdentity(reading: certificate).install(in: raw) }
        try unsafe context.installApplicationProtocols(in: raw)
        return context
    }

    /// Has a client's session ask for the server's name, and accept it only. An address is no name to ask for, but a
    /// certificate may carry it.
    func expect(_ serverName: String?, of ssl: OpaquePointer) throws(TLSError) {
        guard case .trust = proof else { return }
        guard let serverName else {
            throw TLSError(.setup, "setting up TLS: whom to expect must be said when a certificate is to prove it")
        }
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 { return }
        ERR_clear_error()
        guard unsafe SSL_set1_host(ssl, serverName) == 1, unsafe igropyr_SSL_set_host_name(ssl, serverName) == 1 else {
            throw .taken(during: .setup)
        }
    }
}
