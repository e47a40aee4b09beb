/// How a server proves itself by certificates, and which clients it lets in. Files are read by
/// ``TLSContext/server(_:applicationProtocols:succeeding:)``, at start and at each reload.
///
/// What is not a setting follows Mozilla's "intermediate" profile: forward-secret suites with authenticated encryption
/// only, in the client's order of preference, over X25519, P-256 or P-384; no compression, renegotiation or early data.
public struct TLSConfiguration: Sendable, Hashable {
    /// A certificate and its private key, in PEM: the server's own certificate, then those that lead to the authority
    /// that issued it; the private key of the first one, not encrypted.
    public enum Certificate: Sendable, Hashable {
        /// May be the same file.
        case files(chain: String, key: String)
        /// All in one text; messages call it by its name.
        case held(_ name: String, pem: [UInt8])

        public init(chainFile: String, keyFile: String) { self = .files(chain: chainFile, key: keyFile) }
    }

    public enum Version: Sendable, Hashable {
        case tls12
        case tls13
    }

    /// Whether clients prove themselves, too. `caFile` names the authorities that are trusted to issue what they show,
    /// in PEM; a certificate that none of them vouches for ends the handshake.
    public enum ClientCertificates: Sendable, Hashable {
        case none
        /// A client may do without.
        case requested(caFile: String)
        case required(caFile: String)
    }

    /// At least one, unless ``awaitsCertificates``. A client gets the one that names the server that it asks for,
    /// exactly or by a wildcard; if none does, or it asks for none, the first. Two for the same names, with keys of
    /// different kinds, are chosen between by what the client can verify.
    public var certificates: [Certificate]
    /// Whether there may be none; then all handshakes fail.
    public var awaitsCertificates = false
    /// The oldest version that is spoken.
    public var minimumVersion = Version.tls12
    public var clientCertificates = ClientCertificates.none
    /// How long a client may resume a session without a full handshake; zero forbids it. In TLS 1.3 it begins anew with
    /// each connection, since who resumes gets another ticket; but not where clients are asked for certificates. The
    /// keys that seal what clients keep are made at random, replaced after this time, and forgotten after as much
    /// again.
    public var sessionLifetime = Duration.seconds(4 * 3600)
    /// From the connection's beginning to the end of the handshake; then it is closed.
    public var handshakeTimeout = Duration.seconds(10)

    public init(certificates: [Certificate]) { self.certificates = certificates }
}
