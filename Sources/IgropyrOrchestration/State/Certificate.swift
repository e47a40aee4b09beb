/// Names a certificate of the cluster, by default the first server that it stands for: 1 to 253 of a–z, 0–9, '-', '_',
/// '.' and '*'; '-' and '.' not first.
public struct CertificateName: RawRepresentable, Hashable, Sendable, Codable, CodingKeyRepresentable {
    public let rawValue: String

    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard (1...253).contains(bytes.count), bytes.first != .hyphen, bytes.first != .period,
            bytes.allSatisfy({
                $0.isLowercaseLetter || $0.isDigit || [.hyphen, .underscore, .period, .asterisk].contains($0)
            })
        else { return nil }
        self.rawValue = rawValue
    }

    public init(_ text: String) throws(InvalidName) {
        guard let name = Self(rawValue: text) else {
            throw InvalidName(
                text: text,
                rule: "a certificate's name: 1 to 253 of a-z, 0-9, '-', '_', '.' and '*', '-' and '.' not first")
        }
        self = name
    }
}

extension CertificateName: Comparable, CustomStringConvertible {
    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A certificate by which the balancers of the cluster prove themselves to clients: one entry of the replicated state,
/// the last decision about it wins.
public struct Certificate: Hashable, Sendable, Codable {
    /// What of it everybody may see, and the rest.
    public struct Content: Hashable, Sendable, Codable {
        /// The certificate, those above it and the private key, in PEM, one after the other.
        public var sealed: SealedValue
        /// The servers that it stands for, as in it; `*.` for one label.
        public var servers: [String]
        /// When it ends.
        public var expiresAt: UnixTime
        /// When it was given to the cluster, by the clock of the host that it was given to; nil from an earlier
        /// edition. To seal it anew changes nothing of that.
        public var setAt: UnixTime?

        public init(sealed: SealedValue, servers: [String], expiresAt: UnixTime, setAt: UnixTime? = nil) {
            self.sealed = sealed
            self.servers = servers
            self.expiresAt = expiresAt
            self.setAt = setAt
        }
    }

    public var name: CertificateName
    /// When it was decided; the greater replaces the lesser.
    public var timestamp: HybridTimestamp
    /// nil: it was removed. Kept for ``ReplicatedState/tombstoneMilliseconds``, so that no peer brings it back.
    public var content: Content?

    public init(name: CertificateName, timestamp: HybridTimestamp, content: Content?) {
        self.name = name
        self.timestamp = timestamp
        self.content = content
    }

    public var isTombstone: Bool { content == nil }

    /// The winner of two entries for one name, whichever comes first. Equal timestamps with different content come from
    /// a fault only; then the removal wins, else the content with the greater canonical bytes.
    func joined(with other: Certificate) -> Certificate {
        if timestamp != other.timestamp { return timestamp < other.timestamp ? other : self }
        guard let content, let others = other.content else { return isTombstone ? self : other }
        return content.canonicalBytes.lexicographicallyPrecedes(others.canonicalBytes) ? other : self
    }

    /// - Throws: A refusal if it breaks one of the ``StateLimits``.
    public func validate() throws(Refusal) {
        guard let content else { return }
        let validation = Validation(subject: subject)
        try validation.requireCount(content.servers.count, atMost: StateLimits.serversOfCertificate, of: "servers")
        for server in content.servers {
            try validation.requirePlainText(server, atMost: StateLimits.serverBytes, "a server's name")
        }
        for text in [content.sealed.version, content.sealed.key] {
            try validation.requirePlainText(text, atMost: StateLimits.sealedFieldBytes, "a sealed value")
        }
        let bytes = content.sealed.box.utf8.count
        try validation.require(
            bytes <= StateLimits.sealedBytes, .tooLarge,
            "it takes \(bytes) bytes sealed, at most \(StateLimits.sealedBytes) are allowed")
    }
}
