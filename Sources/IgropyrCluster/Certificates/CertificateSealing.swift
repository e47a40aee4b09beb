internal import IgropyrOrchestration
internal import IgropyrTransport

/// Encrypts the cluster's certificates, with their private keys, as secrets are: ``SealingBox``.
struct CertificateSealing: Sendable {
    /// Of certificates and key in PEM together.
    static let limitBytes = 40 << 10

    private let box: SealingBox

    /// The cluster's keys, the one in use first, then such as were in use.
    init(keys: [ClusterKey]) { box = SealingBox(keys: keys, purpose: "igropyr certificates v1") }

    /// What is to be entered of a certificate. Without a name it is called by the first server that it stands for.
    func content(
        _ name: CertificateName?, _ pem: [UInt8]
    ) throws(CertificateError) -> (name: CertificateName, content: Certificate.Content) {
        guard box.hasKey else { throw .noKey }
        guard pem.count <= Self.limitBytes else { throw .tooLarge }
        let summary: CertificateSummary
        do throws(TLSError) {
            summary = try CertificateSummary(reading: .held(name?.rawValue ?? "what was sent", pem: pem))
        } catch { throw .unusable(error) }
        guard let name = name ?? summary.servers.first.flatMap({ CertificateName(rawValue: $0.lowercased()) }) else {
            throw .nameless
        }
        guard let sealed = box.seal(pem, name.rawValue) else { throw .noKey }
        let (expiry, overflow) = summary.expiry.multipliedReportingOverflow(by: 1000)
        let content = Certificate.Content(
            sealed: sealed, servers: summary.servers, expiresAt: UnixTime(milliseconds: overflow ? .max : expiry))
        return (name, content)
    }

    /// Certificates and key, in PEM; nil if it is under a key that is not there, or was changed.
    func open(_ certificate: Certificate) -> [UInt8]? {
        certificate.content.flatMap { box.open($0.sealed, certificate.name.rawValue) }
    }

    /// The same under the key in use; nil if it is under that already, or cannot be opened.
    func resealed(_ sealed: SealedValue, _ name: CertificateName) -> SealedValue? {
        box.resealed(sealed, name.rawValue)
    }
}

/// Why a certificate is not taken; one line with what to do.
enum CertificateError: Error, CustomStringConvertible {
    case noKey
    case tooLarge
    case nameless
    case unusable(TLSError)

    var description: String {
        switch self {
        case .noKey:
            "certificates need a cluster with a key (igropyr keygen): without one their private keys could not "
                + "be encrypted"
        case .tooLarge:
            "the certificate and its key have more than \(CertificateSealing.limitBytes >> 10) KiB in PEM: leave "
                + "out what is above the authority that issued it"
        case .nameless: "the certificate names no server that it could be called by: give a name by --name"
        case .unusable(let error): error.description
        }
    }
}
