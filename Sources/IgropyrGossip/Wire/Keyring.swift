internal import Crypto

/// The keys that open what we receive; the first seals what we send. Each has 16, 24 or 32 bytes (AES-128, -192, -256).
///
/// A sealed blob is `version(1) nonce(12) ciphertext tag(16)`. We write version 1 and read 0 (padded) and 1.
struct Keyring: Sendable {
    static let limitKeys = 16
    /// What sealing adds to the plaintext.
    static let overheadBytes = 29
    private static let tagBytes = 16
    private static let nonceBytes = 12
    private static let blockBytes = 16

    private(set) var keys: [[UInt8]]

    /// Nil if a key has an impossible length or there are too many.
    init?(_ keys: [[UInt8]]) {
        guard keys.count <= Self.limitKeys, keys.allSatisfy(Self.isKey) else { return nil }
        self.keys = keys
    }

    static func isKey(_ bytes: [UInt8]) -> Bool { [16, 24, 32].contains(bytes.count) }

    var isEmpty: Bool { keys.isEmpty }
    var primary: [UInt8]? { keys.first }

    // MARK: - Changes asked for by the cluster

    enum ChangeError: Error {
        case badLength, unknown, isPrimary, full
    }

    mutating func install(_ key: [UInt8]) throws(ChangeError) {
        guard Self.isKey(key) else { throw .badLength }
        guard !keys.contains(key) else { return }
        guard keys.count < Self.limitKeys else { throw .full }
        keys.append(key)
    }

    mutating func use(_ key: [UInt8]) throws(ChangeError) {
        guard let index = keys.firstIndex(of: key) else { throw .unknown }
        keys.insert(keys.remove(at: index), at: 0)
    }

    mutating func remove(_ key: [UInt8]) throws(ChangeError) {
        guard key != primary else { throw .isPrimary }
        keys.removeAll { $0 == key }
    }

    // MARK: - Sealing

    /// With the primary key; nil if there is none.
    func seal(_ plaintext: [UInt8], nonce: [UInt8], authenticating data: [UInt8]) -> [UInt8]? {
        guard let primary, let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.seal(
                plaintext, using: SymmetricKey(data: primary), nonce: nonce, authenticating: data)
        else { return nil }
        return [1] + Array(nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// Tries every key.
    func open(_ blob: [UInt8], authenticating data: [UInt8]) throws(WireError) -> [UInt8] {
        let bodyStart = 1 + Self.nonceBytes
        guard let version = blob.first, version <= 1, blob.count >= bodyStart + Self.tagBytes,
            let nonce = try? AES.GCM.Nonce(data: blob[1..<bodyStart]),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: blob[bodyStart..<blob.count - Self.tagBytes], tag: blob.suffix(Self.tagBytes))
        else { throw .undecryptable }
        for key in keys {
            guard let plaintext = try? AES.GCM.open(box, using: SymmetricKey(data: key), authenticating: data)
            else { continue }
            return version == 1 ? Array(plaintext) : try Self.unpad(Array(plaintext))
        }
        throw .undecryptable
    }

    /// PKCS#7.
    private static func unpad(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
        guard let count = bytes.last.map(Int.init), (1...blockBytes).contains(count), count <= bytes.count,
            bytes.suffix(count).allSatisfy({ Int($0) == count })
        else { throw .undecryptable }
        return bytes.dropLast(count)
    }
}
