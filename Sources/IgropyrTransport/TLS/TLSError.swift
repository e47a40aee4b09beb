/// Why a TLS connection failed or was refused; final for its session.
public struct TLSError: Error, Hashable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// The two ends hold different keys.
        case wrongKey
        /// A peer without a key: it may speak TLS with certificates, or belong to something else.
        case noKeyOffered
        /// The peer wants to prove itself by something else than what this end accepts.
        case untrustedPeer
        /// The first bytes are no TLS record: often HTTP in plain text.
        case notTLS
        /// The peer offers no version of TLS that this end accepts.
        case unsupportedVersion
        /// The connection ended without `close_notify`: what was received may be incomplete (RFC 8446 §6.1).
        case truncated
        /// The peer ended the connection by a fatal alert.
        case refusedByPeer
        /// The two ends have nothing in common to speak above TLS (ALPN, RFC 7301).
        case noSharedProtocol
        /// Bytes that break TLS: damaged or forged records, messages out of order.
        case protocolViolation
        /// A limit of ``TLSSession/Limits`` was reached; the call took nothing.
        case bufferFull
        /// A write after `close()`.
        case closed
        /// A file with certificates or a key is missing, damaged or the wrong one; the description names it and says
        /// what to do.
        case unusableFile
        /// OpenSSL could not make a context or a session: no memory, or a build without what is needed.
        case setup
    }

    public let code: Code
    /// The cause as a clause that an error message can end with.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
