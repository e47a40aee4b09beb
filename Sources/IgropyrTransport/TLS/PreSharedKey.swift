internal import Crypto
internal import IgropyrText

/// Makes a key that was issued again from its name; nil if it was not, or is good no longer. Called on any thread, for
/// names that strangers send.
public typealias PreSharedKeyIssuer = @Sendable (_ name: String) -> PreSharedKey?

/// A secret that both ends of a TLS 1.3 connection hold instead of certificates (RFC 8446 §4.2.11).
public struct PreSharedKey: Sendable {
    /// 32 bytes: the length of SHA-256, the hash that a key from outside is bound to (RFC 8446 §4.2.11).
    let secret: SymmetricKey
    /// By which a server with several keys finds this one; says nothing about the secret. Of derived keys 16
    /// hexadecimal digits.
    let name: String
    let identity: PreSharedKeyIdentity

    /// The key of control connections, made from the cluster's key by HKDF-SHA256 (RFC 5869) with the info
    /// `igropyr control v1` and no salt, so that neither key says anything about the other.
    /// The cluster's key is 16, 24 or 32 random bytes, never a passphrase: HKDF does not slow down guessing.
    public static func derived(fromClusterKey clusterKey: [UInt8]) -> PreSharedKey {
        PreSharedKey(clusterKey, secretInfo: "igropyr control v1", nameInfo: "igropyr control identity v1")
    }

    /// The key between balancers and the workers of one application, made likewise with the infos
    /// `igropyr worker v1 NAME` and `igropyr worker identity v1 NAME`: it says nothing about the cluster's key, nor
    /// about another application's.
    public static func worker(of application: String, fromClusterKey clusterKey: [UInt8]) -> PreSharedKey {
        PreSharedKey(
            clusterKey, secretInfo: "igropyr worker v1 \(application)",
            nameInfo: "igropyr worker identity v1 \(application)")
    }

    private init(_ clusterKey: [UInt8], secretInfo: String, nameInfo: String) {
        let name = Self.derive(8, from: clusterKey, for: nameInfo)
        self.init(name: Hexadecimal.text(name.bytes), secret: Self.derive(32, from: clusterKey, for: secretInfo))
    }

    /// A key that somebody was given, 32 bytes, by the name that its issuer knows it by.
    public init(name: String, secret: [UInt8]) {
        precondition(secret.count == 32)
        self.init(name: name, secret: SymmetricKey(data: secret))
    }

    init(name: String, secret: SymmetricKey) {
        self.name = name
        self.secret = secret
        identity = PreSharedKeyIdentity(PreSharedKeyIdentity.prefix + name)
    }

    private static func derive(_ count: Int, from clusterKey: [UInt8], for purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: clusterKey), info: Array(purpose.utf8), outputByteCount: count)
    }
}

extension SymmetricKey {
    /// A copy.
    var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

/// The name of a key on the wire, at a place that OpenSSL may be pointed to for as long as this lives.
@safe
final class PreSharedKeyIdentity: Sendable {
    /// A later scheme takes another one, so that both can be told apart.
    static let prefix = "igropyr v2 "

    /// Written in `init` only.
    nonisolated(unsafe) let bytes: UnsafeMutableBufferPointer<UInt8>

    init(_ text: String) {
        unsafe bytes = .allocate(capacity: text.utf8.count)
        _ = unsafe bytes.initialize(from: text.utf8)
    }

    deinit { unsafe bytes.deallocate() }
}

extension PreSharedKey: CustomStringConvertible {
    /// Never the secret, so that it cannot reach a log by accident.
    public var description: String { "PreSharedKey(…)" }
}
