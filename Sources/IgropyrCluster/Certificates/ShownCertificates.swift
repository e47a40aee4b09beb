public import IgropyrOrchestration
public import IgropyrTransport

/// The certificates of the cluster's state that a server can show, opened.
public struct ShownCertificates: Sendable {
    /// By name.
    public private(set) var usable: [TLSConfiguration.Certificate] = []
    /// Why others cannot be shown, a line each with what to do.
    public private(set) var problems: [String] = []

    /// `keys` are the cluster's, and such as were. One that cannot be used keeps no other away.
    public init(_ certificates: [CertificateName: Certificate], keys: [ClusterKey]) {
        let sealing = CertificateSealing(keys: keys)
        for (name, certificate) in certificates.sorted(by: { $0.key < $1.key }) {
            guard let content = certificate.content else { continue }
            guard let pem = sealing.open(certificate) else {
                problems.append(
                    "the certificate \(name) is under the key \(content.sealed.key), which is not here, or was changed: "
                        + "igropyr certificate set")
                continue
            }
            let held = TLSConfiguration.Certificate.held("the certificate \(name)", pem: pem)
            do throws(TLSError) {
                _ = try CertificateSummary(reading: held)
                usable.append(held)
            } catch { problems.append(error.description) }
        }
    }
}
