internal import FoundationEssentials
public import IgropyrOrchestration

/// A certificate for all balancers to show.
struct CertificateRequest: Codable, Sendable {
    var version = ControlAPI.version
    /// nil: the first server that it stands for.
    var name: CertificateName?
    /// The certificate, those above it and the private key.
    var pem: Data
}

/// A certificate of the cluster, without its key.
public struct CertificateReport: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    public var name: CertificateName
    /// That it stands for; `*.` for one label.
    public var servers: [String]
    public var expiresAt: UnixTime
    /// When it was given to the cluster.
    public var setAt: UnixTime

    init?(_ certificate: Certificate) {
        guard let content = certificate.content else { return nil }
        name = certificate.name
        servers = content.servers
        expiresAt = content.expiresAt
        setAt = content.setAt ?? certificate.timestamp.time
    }
}

/// The answer to `GET /v1/certificates`: by name.
public struct CertificatesReport: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    /// The host that was asked.
    public var host: HostName
    public var certificates: [CertificateReport]
}
