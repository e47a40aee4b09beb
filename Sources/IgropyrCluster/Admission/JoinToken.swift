internal import Crypto
public import IgropyrOrchestration
internal import IgropyrText
internal import IgropyrTransport

/// What lets hosts into a cluster for a time without its key, which they are then given.
///
/// Nobody keeps a list: a token's secret is made from the cluster's key and the token's name, by HKDF-SHA256 (RFC 5869)
/// with the info `igropyr join v1 NAME`, and every node can make it again. It is the key of a TLS 1.3 connection to the
/// control API that gets the cluster's keys and nothing else. It ends with its time, or with the cluster's key.
public struct JoinToken: Sendable, Hashable {
    /// In seconds, from now on.
    public static let lifetimes = 1...(30 * 86400)

    /// Of the key that it was made from.
    public let fingerprint: String
    /// Unix time, in seconds.
    let expiry: Int64
    /// Tells tokens apart, in audit logs for one: eight hexadecimal digits.
    public let number: String
    private let secret: [UInt8]

    /// `lifetime` is in seconds, one of ``lifetimes``.
    public init(
        from key: ClusterKey, lifetime: Int, at now: UnixTime, using generator: inout some RandomNumberGenerator
    ) {
        precondition(Self.lifetimes.contains(lifetime))
        self.init(
            from: key, expiry: now.milliseconds / 1000 + Int64(lifetime),
            number: Hexadecimal.text(UInt32.random(in: .min ... .max, using: &generator)))
    }

    private init(from key: ClusterKey, expiry: Int64, number: String) {
        fingerprint = key.fingerprint
        self.expiry = expiry
        self.number = number
        let name = Self.name(fingerprint, expiry, number)
        let made = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key.bytes), info: Array("igropyr join v1 \(name)".utf8),
            outputByteCount: 32)
        secret = unsafe made.withUnsafeBytes { unsafe Array($0) }
    }

    public var expires: UnixTime { UnixTime(milliseconds: expiry * 1000) }

    /// What the control API knows it by; says nothing about the secret.
    var name: String { Self.name(fingerprint, expiry, number) }

    var preSharedKey: PreSharedKey { PreSharedKey(name: name, secret: secret) }

    private static func name(_ fingerprint: String, _ expiry: Int64, _ number: String) -> String {
        "join \(fingerprint) \(expiry) \(number)"
    }

    /// For the server of the control API: takes tokens that were made from one of the keys and have not expired.
    static func issuer(
        of keys: [ClusterKey], clock: @escaping @Sendable () -> UnixTime = { .now }
    ) -> PreSharedKeyIssuer {
        { name in
            let words = name.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 4, words[0] == "join", let expiry = Int64(words[2]),
                let key = keys.first(where: { $0.fingerprint == words[1] })
            else { return nil }
            let token = JoinToken(from: key, expiry: expiry, number: String(words[3]))
            let left = expiry.subtractingReportingOverflow(clock().milliseconds / 1000)
            guard token.name == name, !left.overflow, left.partialValue > 0, left.partialValue <= lifetimes.upperBound
            else { return nil }
            return token.preSharedKey
        }
    }
}

extension JoinToken: CustomStringConvertible {
    private static let prefix = "igropyr-join"

    /// One word for people to pass on: `igropyr-join.FINGERPRINT.EXPIRY.NUMBER.SECRET`, the secret in Base64 for URLs.
    public var text: String {
        "\(Self.prefix).\(fingerprint).\(expiry).\(number).\(Base64.urlText(secret))"
    }

    /// What a key file holds that has a token in place of a key; perhaps no good one. Nil if it has a key, or cannot be
    /// read. Blocks.
    public static func text(inFileAt path: String) -> String? {
        guard let bytes = try? AtomicFile.read(FileSystem.resolved(path), limitBytes: 4096) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("\(prefix).") ? text.filter { !$0.isWhitespace } : nil
    }

    /// Nil for what ``text`` never is.
    public init?(text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, parts[0] == Self.prefix, parts[1].count == 12, let expiry = Int64(parts[2]),
            0...(Int64.max / 1000) ~= expiry, parts[3].count == 8,
            let secret = Base64.bytes(urlText: parts[4]), secret.count == 32
        else { return nil }
        (fingerprint, self.expiry, number, self.secret) = (parts[1], expiry, parts[3], secret)
    }

    /// Never the secret, so that it cannot reach a log by accident.
    public var description: String { "JoinToken(\(number))" }
}
