extension Schema where Value == String {
    /// A file's path. Whether it is there is found out when it is opened.
    public static var path: Schema<String> { .string(bytes: 1...4095) }
}

/// By which files a server proves itself, and its clients, as a configuration file names them.
public struct CertificateFiles: Hashable, Sendable {
    public struct Pair: Hashable, Sendable {
        public var certificate: String
        public var key: String
    }

    /// At least one, at most 64.
    public var pairs: [Pair]
    /// Clients need a certificate of its; nil if they need none.
    public var clientAuthority: String?
}

extension Schema where Value == CertificateFiles {
    /// One certificate may stand here itself, several in a list.
    public static var certificateFiles: Schema<CertificateFiles> {
        .section { section in
            var pairs = section.value("certificates", .list(of: .certificatePair, atLeast: 1, limit: 64)) ?? []
            let (certificate, key) = (section.value("certificate", .path), section.value("key", .path))
            if let certificate, let key { pairs.append(.init(certificate: certificate, key: key)) }
            section.refuseTogether("certificates", "certificate")
            if section.has("certificate") != section.has("key") {
                section.refuse("\"certificate\" and \"key\" go together")
            } else if !section.has("certificate"), !section.has("certificates") {
                section.refuse("found no certificate, expected \"certificate\" and \"key\", or \"certificates\"")
            }
            return CertificateFiles(pairs: pairs, clientAuthority: section.value("client-authority", .path))
        }
    }
}

extension Schema where Value == CertificateFiles.Pair {
    fileprivate static var certificatePair: Schema<CertificateFiles.Pair> {
        .section { section in
            let (certificate, key) = (section.require("certificate", .path), section.require("key", .path))
            guard let certificate, let key else { return nil }
            return CertificateFiles.Pair(certificate: certificate, key: key)
        }
    }
}
