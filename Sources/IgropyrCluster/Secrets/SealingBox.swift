internal import Crypto
internal import FoundationEssentials
internal import IgropyrOrchestration

/// Seals values for storage and travel: AES-256-GCM with a key made from the cluster's by HKDF-SHA256 (RFC 5869), one
/// for each purpose. A value belongs to its context and its version: moved elsewhere, it does not open.
struct SealingBox: Sendable {
    /// The cluster's, the one in use first, then such as were in use.
    let keys: [ClusterKey]
    let purpose: String

    var hasKey: Bool { !keys.isEmpty }

    func hasKey(of sealed: SealedValue) -> Bool { keys.contains { $0.fingerprint == sealed.key } }

    /// Nil without a key.
    func seal(_ value: [UInt8], _ context: String) -> SealedValue? {
        seal(value, context, version: String(UInt64.random(in: .min ... .max), radix: 16))
    }

    private func seal(_ value: [UInt8], _ context: String, version: String) -> SealedValue? {
        guard let key = keys.first else { return nil }
        let authenticated = Self.authenticated(context, version)
        // Fails only for a nonce that is not AES-GCM's own.
        let box = try? AES.GCM.seal(value, using: derived(from: key), authenticating: authenticated).combined
        return box.map { SealedValue(version: version, key: key.fingerprint, box: $0.base64EncodedString()) }
    }

    /// Nil if its key is not there, or it was changed, or belongs to something else.
    func open(_ sealed: SealedValue, _ context: String) -> [UInt8]? {
        guard let key = keys.first(where: { $0.fingerprint == sealed.key }),
            let bytes = Data(base64Encoded: sealed.box), let box = try? AES.GCM.SealedBox(combined: bytes),
            let value = try? AES.GCM.open(
                box, using: derived(from: key), authenticating: Self.authenticated(context, sealed.version))
        else { return nil }
        return Array(value)
    }

    /// The same value under the key in use; nil if it is under that already, or cannot be opened.
    func resealed(_ sealed: SealedValue, _ context: String) -> SealedValue? {
        guard let key = keys.first, key.fingerprint != sealed.key, let value = open(sealed, context) else { return nil }
        return seal(value, context, version: sealed.version)
    }

    private func derived(from key: ClusterKey) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key.bytes), info: Array(purpose.utf8), outputByteCount: 32)
    }

    private static func authenticated(_ context: String, _ version: String) -> [UInt8] {
        Array("\(context)\0\(version)".utf8)
    }
}
