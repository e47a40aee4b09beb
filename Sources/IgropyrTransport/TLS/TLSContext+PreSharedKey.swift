internal import COpenSSL
internal import Crypto

extension TLSContext {
    /// TLS 1.3 with a key that both ends hold (RFC 8446 §2.2), always with a Diffie-Hellman exchange (`psk_dhe_ke`):
    /// who learns the key later still cannot read what was recorded.
    ///
    /// A peer without the key fails the handshake, at whichever end it stands. No tickets, no early data.
    public static func preSharedKey(
        _ key: PreSharedKey, role: Role, applicationProtocols: [String] = []
    ) throws(TLSError) -> TLSContext {
        try preSharedKeys([key], role: role, applicationProtocols: applicationProtocols)
    }

    /// The same while keys change: a server takes each of them, a client shows the first. At least one.
    ///
    /// A server also takes keys that it has issued, if `issuer` makes them again from their names; handlers see by
    /// ``HTTPServerStream/issuedKeyName`` whom they have before them.
    public static func preSharedKeys(
        _ keys: [PreSharedKey], role: Role, issuer: PreSharedKeyIssuer? = nil, applicationProtocols: [String] = []
    ) throws(TLSError) -> TLSContext {
        let context = try unsafe TLSContext(
            role, .preSharedKeys(keys, issuer: issuer), applicationProtocols: applicationProtocols,
            owning: makeRaw(role, from: TLS1_3_VERSION))
        try unsafe context.installApplicationProtocols(in: context.raw)
        let isSet =
            // Suites with SHA-256 only: the hash that a key from outside is bound to.
            unsafe SSL_CTX_set_ciphersuites(context.raw, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1
            && SSL_CTX_set_num_tickets(context.raw, 0) == 1
        guard isSet else { throw .taken(during: .setup) }
        _ = unsafe SSL_CTX_set_options(context.raw, igropyr_SSL_OP_NO_TICKET)
        switch role {
        case .server: unsafe SSL_CTX_set_psk_find_session_callback(context.raw, didReceiveIdentity)
        case .client: unsafe SSL_CTX_set_psk_use_session_callback(context.raw, willSendHello)
        }
        return context
    }

    /// `identity` begins with ``PreSharedKeyIdentity/prefix``.
    fileprivate func issuedKey(identity: UnsafeBufferPointer<UInt8>) -> PreSharedKey? {
        issuer?(unsafe String(decoding: identity.dropFirst(PreSharedKeyIdentity.prefix.utf8.count), as: UTF8.self))
    }

    /// OpenSSL states a key from outside as a session to be resumed. A fresh one for each handshake: OpenSSL's client
    /// writes into it.
    fileprivate func makeSession(
        for ssl: OpaquePointer, by key: PreSharedKey, isIssued: Bool = false
    ) -> OpaquePointer? {
        guard let session = unsafe SSL_SESSION_new() else { return nil }
        let cipher = unsafe [0x13, 0x01].withUnsafeBufferPointer {  // TLS_AES_128_GCM_SHA256 (RFC 8446 §B.4)
            unsafe SSL_CIPHER_find(ssl, $0.baseAddress)
        }
        let isComplete = unsafe key.secret.withUnsafeBytes { secret in
            unsafe SSL_SESSION_set1_master_key(
                session, secret.baseAddress?.assumingMemoryBound(to: UInt8.self), secret.count) == 1
        }
        if unsafe isComplete && SSL_SESSION_set_cipher(session, cipher) == 1
            && SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1
            && (!isIssued || SSL_SESSION_set1_ticket_appdata(session, key.name, key.name.utf8.count) == 1)
        {
            return unsafe session
        }
        unsafe SSL_SESSION_free(session)
        return nil
    }
}

/// The server's: an identity that is none of ours leaves `session` nil, and the handshake fails for want of a
/// certificate. That of a key which it does not have fails at the proof, as a wrong key.
private func didReceiveIdentity(
    _ ssl: OpaquePointer?, _ name: UnsafePointer<UInt8>?, _ length: Int,
    _ session: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    let name = unsafe UnsafeBufferPointer(start: name, count: length)
    unsafe session?.pointee = nil
    guard unsafe name.starts(with: PreSharedKeyIdentity.prefix.utf8), let ssl = unsafe ssl,
        let context = unsafe TLSContext.of(ssl), let first = context.preSharedKeys.first
    else { return 1 }
    let own = context.preSharedKeys.first { unsafe $0.identity.bytes.elementsEqual(name) }
    let issued = own == nil ? unsafe context.issuedKey(identity: name) : nil
    unsafe session?.pointee = context.makeSession(for: ssl, by: own ?? issued ?? first, isIssued: issued != nil)
    return 1
}

/// The client's. `digest` is nil for the first hello; after a retry request, the hash that the server chose.
private func willSendHello(
    _ ssl: OpaquePointer?, _ digest: OpaquePointer?, _ name: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ length: UnsafeMutablePointer<Int>?, _ session: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    guard let ssl = unsafe ssl, let context = unsafe TLSContext.of(ssl), let key = context.preSharedKeys.first,
        let made = unsafe context.makeSession(for: ssl, by: key)
    else { return 0 }
    // The context, and so the key, outlives this.
    unsafe name?.pointee = UnsafePointer(key.identity.bytes.baseAddress!)
    unsafe length?.pointee = key.identity.bytes.count
    unsafe session?.pointee = made
    return 1
}
