/// Why a TLS connection failed or was refused; final for its session.
public struct TLSError: Error, Hashable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private let name: StaticName

        private enum StaticName {
            case wrongKey, noKeyOffered, untrustedPeer, notTLS, unsupportedVersion, truncated, refusedByPeer
            case noSharedProtocol, protocolViolation, bufferFull, closed, unusableFile, setup
        }

        /// The two ends hold different keys.
        public static let wrongKey = Code(name: .wrongKey)
        /// A peer without a key: it may speak TLS with certificates, or belong to something else.
        public static let noKeyOffered = Code(name: .noKeyOffered)
        /// The peer wants to prove itself by something else than what this end accepts.
        public static let untrustedPeer = Code(name: .untrustedPeer)
        /// The first bytes are no TLS record: often HTTP in plain text.
        public static let notTLS = Code(name: .notTLS)
        /// The peer offers no version of TLS that this end accepts.
        public static let unsupportedVersion = Code(name: .unsupportedVersion)
        /// The connection ended without `close_notify`: what was received may be incomplete (RFC 8446 §6.1).
        public static let truncated = Code(name: .truncated)
        /// The peer ended the connection by a fatal alert.
        public static let refusedByPeer = Code(name: .refusedByPeer)
        /// The two ends have nothing in common to speak above TLS (ALPN, RFC 7301).
        public static let noSharedProtocol = Code(name: .noSharedProtocol)
        /// Bytes that break TLS: damaged or forged records, messages out of order.
        public static let protocolViolation = Code(name: .protocolViolation)
        /// A limit of ``TLSSession/Limits`` was reached; the call took nothing.
        public static let bufferFull = Code(name: .bufferFull)
        /// A write after `close()`.
        public static let closed = Code(name: .closed)
        /// A file with certificates or a key is missing, damaged or the wrong one; the description names it and says
        /// what to do.
        public static let unusableFile = Code(name: .unusableFile)
        /// OpenSSL could not make a context or a session: no memory, or a build without what is needed.
        public static let setup = Code(name: .setup)
    }

    public let code: Code
    /// The cause as a clause that an error message can end with.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
