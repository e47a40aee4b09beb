internal import Crypto
internal import FoundationEssentials
internal import IgropyrText

/// Keeps each session in its visitor's browser, sealed by AES-256-GCM: who has no key can neither read nor change it.
/// Any worker with the key knows it, and a restart loses none.
///
/// What it cannot do is forget: who has copied a cookie can come back with it until its time is over, even after
/// ``Session/end()`` or ``Session/renew()``. Keep sessions in a store where that matters.
public struct SealedSessions: SessionStore {
    /// Browsers keep cookies of so many bytes, name and attributes included (RFC 6265 §6.1).
    private static let longest = 3800

    private let keys: [SymmetricKey]

    /// Seals by the first secret and opens by each, so that a secret can be changed without logging anybody out: put
    /// the new one first, and take the old one away once ``Sessions/lifetime`` is over.
    ///
    /// - Throws: ``WeakSecret`` for one of less than 32 bytes, or without any: `openssl rand -base64 32` makes one.
    public init(secrets: [String]) throws(WeakSecret) {
        guard !secrets.isEmpty, secrets.allSatisfy({ $0.utf8.count >= 32 }) else { throw WeakSecret() }
        keys = secrets.map { secret in
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: Data(secret.utf8)), info: Data("igropyr session v1".utf8),
                outputByteCount: 32)
        }
    }

    public func load(_ token: String) -> SessionRecord? {
        guard let sealed = Base64.bytes(urlText: token), let box = try? AES.GCM.SealedBox(combined: sealed) else {
            return nil
        }
        for key in keys {
            guard let opened = try? AES.GCM.open(box, using: key) else { continue }
            return try? JSONDecoder().decode(SessionRecord.self, from: opened)
        }
        return nil
    }

    /// - Throws: ``SessionTooLarge``.
    public func save(_ record: SessionRecord, as token: String?) throws -> String {
        let sealed = try AES.GCM.seal(JSONEncoder().encode(record), using: keys[0])
        let token = Base64.urlText([UInt8](sealed.combined ?? Data()))  // Nil only for a nonce of another length.
        guard token.utf8.count <= Self.longest else { throw SessionTooLarge(byteCount: token.utf8.count) }
        return token
    }

    public func remove(_ token: String) {}
}

/// A secret that can be guessed.
public struct WeakSecret: Error, CustomStringConvertible {
    public var description: String {
        "a secret for sessions has at least 32 bytes: make one by `openssl rand -base64 32`"
    }
}

/// A session that no cookie holds.
public struct SessionTooLarge: Error, CustomStringConvertible {
    public let byteCount: Int

    public var description: String {
        "the session takes \(byteCount) bytes as a cookie, and browsers keep about 4000: keep less, or use MemorySessions"
    }
}
