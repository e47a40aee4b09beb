internal import COpenSSL

/// What the peer's certificate says of it; an authority that this end trusts has vouched for that.
public struct TLSPeerCertificate: Sendable, Hashable {
    /// In the form of RFC 4514, the most specific part first: `CN=alice,O=Example`.
    public let subject: String
    /// The same of the authority that issued it.
    public let issuer: String
    /// The `CN` of the subject.
    public let commonName: String?
    /// Subject alternative names.
    public let dnsNames: [String]
    public let emailAddresses: [String]
    /// Such as `spiffe://example.org/service`.
    public let uris: [String]
    /// In hexadecimal.
    public let serialNumber: String
    /// SHA-256 of the certificate, in hexadecimal.
    public let fingerprint: String

    init(_ certificate: X509Certificate) {
        subject = certificate.subject
        issuer = certificate.issuer
        commonName = certificate.commonName
        dnsNames = certificate.alternativeNames(GEN_DNS)
        emailAddresses = certificate.alternativeNames(GEN_EMAIL)
        uris = certificate.alternativeNames(GEN_URI)
        serialNumber = certificate.serialNumber
        fingerprint = certificate.fingerprint
    }
}
