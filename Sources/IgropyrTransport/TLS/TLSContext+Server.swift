internal import COpenSSL

/// The certificates of a server's context and what goes with them.
struct ServerCertificates: Sendable {
    /// One `SSL_CTX` for each set of names; sessions begin with the first and change to another when they are asked for
    /// it.
    let choices: [Choice]
    let names: ServerNames
    let tickets: TLSTickets?
    /// Whom the server trusts to issue clients' certificates: a session resumes only under the same trust.
    let clientTrust: ClientTrust
    let warnings: [TLSWarning]

    struct ClientTrust: Sendable, Hashable {
        let isRequired: Bool
        /// Nil: clients are not asked.
        let authorities: [UInt8]?
    }

    @safe
    final class Choice: Sendable {
        nonisolated(unsafe) let raw: OpaquePointer  // As a context's: nothing changes it once the factory has returned.

        init(owning raw: OpaquePointer) { unsafe self.raw = raw }

        deinit { unsafe SSL_CTX_free(raw) }
    }
}

extension TLSContext {
    /// A server's context with certificates, read from the configuration's files; blocks while it reads.
    ///
    /// `succeeding` is the context that this one takes the place of: sessions begun there can be resumed here, unless
    /// trust in clients has changed.
    /// - Throws: `.unusableFile`, which names the file and says what to do; `.setup`.
    public static func server(
        _ configuration: TLSConfiguration, applicationProtocols: [String] = HTTPServer.applicationProtocols,
        succeeding previous: TLSContext? = nil
    ) throws(TLSError) -> TLSContext {
        var certificates = ServerCertificates.Making()
        for certificate in configuration.certificates {
            try certificates.add(TLSIdentity(reading: certificate), configuration)
        }
        if configuration.certificates.isEmpty {
            guard configuration.awaitsCertificates else {
                throw TLSError(.unusableFile, "TLS without a certificate: give a certificate file and a key file")
            }
            try certificates.addNothing(configuration)
        }
        let authorities = try configuration.clientCertificates.authorities()
        let trust = ServerCertificates.ClientTrust(
            isRequired: configuration.clientCertificates.isRequired, authorities: authorities?.file.bytes)
        // Without a certificate no handshake may succeed, and one that resumes a session needs none.
        let lifetime = configuration.certificates.isEmpty ? .zero : configuration.sessionLifetime
        let tickets = TLSTickets.shared(
            lifetime: lifetime, with: previous?.certificates?.clientTrust == trust ? previous : nil)
        let proof = ServerCertificates(
            choices: certificates.choices, names: certificates.names, tickets: tickets, clientTrust: trust,
            warnings: certificates.warnings)
        let first = unsafe certificates.choices[0].raw
        unsafe SSL_CTX_up_ref(first)
        let context = unsafe TLSContext(
            .server, .serverCertificates(proof), applicationProtocols: applicationProtocols, owning: first)
        for choice in proof.choices {
            unsafe context.installBackReference(in: choice.raw)
            try unsafe restrict(choice.raw, isResuming: tickets != nil, configuration.sessionLifetime)
            try unsafe authorities?.install(in: choice.raw, isRequired: trust.isRequired)
            unsafe igropyr_SSL_CTX_set_servername_callback(choice.raw, didReceiveServerName)
            try unsafe context.installApplicationProtocols(in: choice.raw)
            if tickets != nil { unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(choice.raw, willUseTicketKey) }
        }
        return context
    }

    /// What is wrong with a server's files though it can serve with them.
    public var warnings: [TLSWarning] { certificates?.warnings ?? [] }

    var certificates: ServerCertificates? {
        if case .serverCertificates(let certificates) = proof { return certificates }
        return nil
    }

    /// Mozilla's "intermediate" profile, without finite-field Diffie-Hellman.
    private static func restrict(
        _ raw: OpaquePointer, isResuming: Bool, _ lifetime: Duration
    ) throws(TLSError) {
        let isSet =
            unsafe SSL_CTX_set_cipher_list(raw, suites) == 1
            && igropyr_SSL_CTX_set1_groups_list(raw, "X25519:P-256:P-384") == 1
            && SSL_CTX_set_num_tickets(raw, isResuming ? 1 : 0) == 1
            && SSL_CTX_set_session_id_context(raw, "igropyr", 7) == 1
        guard isSet else { throw .taken(during: .setup) }
        if !isResuming { _ = unsafe SSL_CTX_set_options(raw, igropyr_SSL_OP_NO_TICKET) }
        _ = unsafe SSL_CTX_set_timeout(raw, Int(max(1, min(lifetime.components.seconds, 7 * 86_400))))
    }

    /// Of TLS 1.2; those of 1.3 are all of this kind.
    private static let suites = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
        """
}

extension ServerCertificates {
    /// The choices while files are read one after the other.
    struct Making {
        private(set) var choices: [Choice] = []
        private(set) var names = ServerNames()
        private(set) var warnings: [TLSWarning] = []
        private var kinds: [(names: Set<String>, keys: Set<Int32>)] = []

        mutating func add(_ identity: TLSIdentity, _ configuration: TLSConfiguration) throws(TLSError) {
            warnings += identity.warnings
            let carried = Set(identity.names)
            // One `SSL_CTX` holds a certificate for each kind of key.
            if let index = kinds.firstIndex(where: { $0.names == carried && !$0.keys.contains(identity.keyKind) }) {
                kinds[index].keys.insert(identity.keyKind)
                return try unsafe identity.install(in: choices[index].raw)
            }
            let choice = try Self.choice(configuration)
            try unsafe identity.install(in: choice.raw)
            for name in names.add(identity.names, index: choices.count) {
                warnings.append(.nameTaken(name: name, file: identity.source))
            }
            choices.append(choice)
            kinds.append((carried, [identity.keyKind]))
        }

        /// A choice that no handshake succeeds with.
        mutating func addNothing(_ configuration: TLSConfiguration) throws(TLSError) {
            choices.append(try Self.choice(configuration))
        }

        private static func choice(_ configuration: TLSConfiguration) throws(TLSError) -> Choice {
            let minimum = configuration.minimumVersion == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION
            return try unsafe Choice(owning: TLSContext.makeRaw(.server, from: minimum))
        }
    }
}

extension TLSConfiguration.ClientCertificates {
    fileprivate var isRequired: Bool {
        if case .required = self { return true }
        return false
    }

    fileprivate func authorities() throws(TLSError) -> TrustedAuthorities? {
        switch self {
        case .none: nil
        case .requested(let file), .required(let file): try TrustedAuthorities(reading: file)
        }
    }
}

/// Certificates of authorities, whose word this end takes for who the other one is.
struct TrustedAuthorities {
    let file: PEMFile
    private let certificates: [X509Certificate]

    init(reading path: String) throws(TLSError) {
        file = try PEMFile(path, role: "CA file")
        certificates = try file.certificates(role: "CA file")
    }

    /// For a server: has it ask clients for certificates that one of the authorities has issued.
    fileprivate func install(in raw: OpaquePointer, isRequired: Bool) throws(TLSError) {
        try unsafe install(in: raw)
        for certificate in certificates {
            guard unsafe SSL_CTX_add_client_CA(raw, certificate.raw) == 1 else { throw .taken(during: .setup) }
        }
        unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | (isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nil)
    }

    func install(in raw: OpaquePointer) throws(TLSError) {
        ERR_clear_error()
        let store = unsafe SSL_CTX_get_cert_store(raw)
        for certificate in certificates {
            guard unsafe X509_STORE_add_cert(store, certificate.raw) == 1 else { throw .taken(during: .setup) }
        }
    }
}

/// Changes to the certificate that the client asks for. A name that none carries, and no name, leave the first.
private func didReceiveServerName(
    _ ssl: OpaquePointer?, _: UnsafeMutablePointer<Int32>?, _: UnsafeMutableRawPointer?
) -> Int32 {
    guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
        let certificates = unsafe TLSContext.of(ssl)?.certificates,
        let index = unsafe certificates.names.index(for: String(cString: name))
    else { return SSL_TLSEXT_ERR_NOACK }
    unsafe SSL_set_SSL_CTX(ssl, certificates.choices[index].raw)
    return SSL_TLSEXT_ERR_OK
}
