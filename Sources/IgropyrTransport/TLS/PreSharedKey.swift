internal import Crypto

/// A secret that both ends of a TLS 1.3 connection hold instead of certificates (RFC 8446 §4.2.11).
public struct PreSharedKey: Sendable {
    /// 32 bytes: the length of SHA-256, the hash that a key from outside is bound to (RFC 8446 §4.2.11).
    let secret: SymmetricKey

    /// The key of control connections, made from the cluster's key by HKDF-SHA256 (RFC 5869) with the info
    /// `igropyr control v1` and no salt, so that neither key says anything about the other.
    /// The cluster's key is 16, 24 or 32 random bytes, never a passphrase: HKDF does not slow down guessing.
    public static func derived(fromClusterKey clusterKey: [UInt8]) -> PreSharedKey {
        PreSharedKey(
            secret: HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: clusterKey),
                info: Array("igropyr control v1".utf8),
                outputByteCount: 32))
    }
}

extension PreSharedKey: CustomStringConvertible {
    /// Never the secret, so that it cannot reach a log by accident.
    public var description: String { "PreSharedKey(…)" }
}
