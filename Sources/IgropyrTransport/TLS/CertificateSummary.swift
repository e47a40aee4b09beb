/// What a certificate says of itself.
public struct CertificateSummary: Sendable, Hashable {
    /// The servers that it stands for: its DNS names; without any, its common name. `*.` stands for one label.
    public let servers: [String]
    /// When it ends, in seconds since 1970.
    public let expiry: Int64
    /// What is to be mended though it can be used.
    public let warnings: [TLSWarning]

    /// Reads the certificate and sees that a server could show it; blocks if it is in files.
    /// - Throws: `.unusableFile`, which names it and says what to do.
    public init(reading certificate: TLSConfiguration.Certificate) throws(TLSError) {
        let identity = try TLSIdentity(reading: certificate)
        _ = try TLSContext.server(TLSConfiguration(certificates: [certificate]))
        guard let expiry = identity.expiry else {
            throw TLSError(.unusableFile, "\(identity.source): its certificate says no proper time when it ends")
        }
        (servers, self.expiry, warnings) = (identity.names, expiry, identity.warnings)
    }
}

extension TLSConfiguration.Certificate {
    /// Certificates and key as ``held(_:pem:)`` takes them, without what else stands in their files. Blocks.
    /// - Throws: `.unusableFile`, which names it and says what to do; `.setup`.
    public func pem() throws(TLSError) -> [UInt8] {
        guard let pem = try TLSIdentity(reading: self).pem else { throw .taken(during: .setup) }
        return pem
    }
}
