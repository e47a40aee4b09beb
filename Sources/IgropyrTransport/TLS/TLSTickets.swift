internal import COpenSSL
internal import IgropyrUV

/// One process's ``TicketKeys``, shared by the sessions of all its loops and by the contexts that succeed each other.
@safe
final class TLSTickets: Sendable {
    private let lifetime: Duration
    private let keys: Locked<TicketKeys>
    nonisolated(unsafe) private let cipher: OpaquePointer?  // Immutable; looked up once, for that costs microseconds.

    private init(lifetime: Duration) {
        self.lifetime = lifetime
        keys = Locked(TicketKeys(lifetime: lifetime))
        unsafe cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
    }

    deinit { unsafe EVP_CIPHER_free(cipher) }

    /// Those of `previous`, if they live as long; nil if sessions are not to be resumed.
    static func shared(lifetime: Duration, with previous: TLSContext?) -> TLSTickets? {
        guard lifetime > .zero else { return nil }
        if let tickets = previous?.certificates?.tickets, tickets.lifetime == lifetime { return tickets }
        return TLSTickets(lifetime: lifetime)
    }

    fileprivate func seal(
        _ name: UnsafeMutableBufferPointer<UInt8>, _ vector: UnsafeMutableBufferPointer<UInt8>, _ cipher: OpaquePointer,
        _ mac: OpaquePointer
    ) -> Int32 {
        let key = keys.withLock { keys in
            var random = SystemRandomNumberGenerator()
            return keys.sealingKey(at: EventLoop.preciseNow, using: &random)
        }
        _ = unsafe name.update(fromContentsOf: key.name)
        let isReady =
            unsafe RAND_bytes(vector.baseAddress, Int32(vector.count)) == 1
            && EVP_EncryptInit_ex(cipher, self.cipher, nil, key.cipherKey, vector.baseAddress) == 1
            && set(key.macKey, of: mac)
        return isReady ? 1 : -1
    }

    fileprivate func open(
        _ name: UnsafeMutableBufferPointer<UInt8>, _ vector: UnsafeMutableBufferPointer<UInt8>, _ cipher: OpaquePointer,
        _ mac: OpaquePointer
    ) -> Int32 {
        let found = keys.withLock { keys in unsafe keys.openingKey(named: name, at: EventLoop.preciseNow) }
        guard let (key, isOld) = found else { return 0 }
        let isReady =
            unsafe EVP_DecryptInit_ex(cipher, self.cipher, nil, key.cipherKey, vector.baseAddress) == 1
            && set(key.macKey, of: mac)
        guard isReady else { return -1 }
        return isOld ? 2 : 1  // 2: the client gets a new ticket.
    }

    private func set(_ key: [UInt8], of mac: OpaquePointer) -> Bool {
        var (key, digest) = (key, Array("SHA256".utf8CString))
        return unsafe key.withUnsafeMutableBytes { key in
            unsafe digest.withUnsafeMutableBufferPointer { digest in
                let parameters = unsafe [
                    OSSL_PARAM_construct_octet_string(igropyr_OSSL_MAC_PARAM_KEY, key.baseAddress, key.count),
                    OSSL_PARAM_construct_utf8_string(igropyr_OSSL_MAC_PARAM_DIGEST, digest.baseAddress, 0),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_MAC_CTX_set_params(mac, parameters) == 1
            }
        }
    }
}

/// OpenSSL asks for a key, to seal a ticket with or to open one; 0 lets the client do without resumption.
func willUseTicketKey(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ isSealing: Int32
) -> Int32 {
    guard let certificates = unsafe TLSContext.of(ssl)?.certificates, let tickets = certificates.tickets,
        let cipher = unsafe cipher, let mac = unsafe mac
    else { return -1 }
    let name = unsafe UnsafeMutableBufferPointer(start: name, count: 16)
    let vector = unsafe UnsafeMutableBufferPointer(start: vector, count: 16)  // AES's block.
    guard isSealing == 0 else { return unsafe tickets.seal(name, vector, cipher, mac) }
    let result = unsafe tickets.open(name, vector, cipher, mac)
    guard result > 0, unsafe SSL_version(ssl) == TLS1_3_VERSION else { return result }
    // A client of TLS 1.3 uses a ticket once (RFC 8446 §C.4), so it gets another. With that a session's time begins
    // anew; who proves itself by a certificate gets none, and has to do that again (§4.6.1).
    return certificates.clientTrust.authorities == nil ? 2 : 1
}
