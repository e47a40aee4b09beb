internal import COpenSSL

extension TLSError {
    /// What failed; the same reason means different things before and after the peer has proved itself.
    enum Activity {
        case setup
        /// `byKey`: proof is a key that both ends hold.
        case handshake(byKey: Bool)
        case transfer
    }

    /// Takes the error that OpenSSL left on this thread's queue, and empties the queue.
    static func taken(during activity: Activity) -> TLSError {
        let number = ERR_peek_error()
        ERR_clear_error()
        let reason = ERR_GET_REASON(number)
        return known(reason, during: activity)
            ?? TLSError(code(for: reason, during: activity), "\(activity.words): \(words(for: number))")
    }

    private static func known(_ reason: Int32, during activity: Activity) -> TLSError? {
        switch activity {
        case .setup: nil
        case .handshake(let byKey): (byKey ? aboutKey(reason) : nil) ?? aboutPeer(reason)
        case .transfer: aboutPeer(reason)
        }
    }

    private static func aboutKey(_ reason: Int32) -> TLSError? {
        switch reason {
        case SSL_R_BINDER_DOES_NOT_VERIFY, SSL_R_BAD_PSK:
            TLSError(.wrongKey, "the peer does not hold the cluster key")
        case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER, SSL_R_TLSV1_ALERT_DECRYPT_ERROR, unknownIdentityAlert:
            TLSError(.wrongKey, "the peer refuses our cluster key: it holds another one")
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_KEY_SHARE:
            TLSError(.noKeyOffered, "the peer offers no cluster key")
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
            TLSError(.refusedByPeer, "the peer refuses the handshake: it does not use this cluster's key")
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            TLSError(.untrustedPeer, "the peer shows a certificate instead of holding the cluster key")
        default: nil
        }
    }

    private static func aboutPeer(_ reason: Int32) -> TLSError? {
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            TLSError(.untrustedPeer, "the peer shows a certificate that is not trusted here")
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            TLSError(.untrustedPeer, "the peer shows no certificate")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_BAD_RECORD_TYPE:
            TLSError(.notTLS, "the peer does not speak TLS")
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_VERSION_TOO_LOW:
            TLSError(.unsupportedVersion, "the peer speaks no version of TLS that is accepted here")
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            TLSError(.truncated, "the peer closed the connection without saying so: the data may be incomplete")
        default: nil
        }
    }

    /// The alert `unknown_psk_identity` (115); OpenSSL counts alerts from `SSL_AD_REASON_OFFSET` up.
    private static let unknownIdentityAlert: Int32 = SSL_AD_REASON_OFFSET + 115

    private static func code(for reason: Int32, during activity: Activity) -> Code {
        if case .setup = activity { return .setup }
        return reason >= SSL_AD_REASON_OFFSET ? .refusedByPeer : .protocolViolation
    }

    private static func words(for number: UInt) -> String {
        guard let text = unsafe ERR_reason_error_string(number) else { return "OpenSSL error \(number)" }
        return unsafe String(cString: text)
    }
}

extension TLSError.Activity {
    fileprivate var words: String {
        switch self {
        case .setup: "setting up TLS"
        case .handshake: "TLS handshake"
        case .transfer: "TLS"
        }
    }
}
