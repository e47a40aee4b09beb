internal import Crypto
internal import FoundationEssentials
internal import Igropyr
internal import IgropyrUV

/// Checks names and passwords on the pool's threads, and remembers for a while who was right: hashes are slow on
/// purpose, and browsers send the password with each request. One for each loop.
final class PasswordChecks {
    private static let limitEntries = 256
    private static let keptSeconds: Int64 = 300

    private struct Key: Hashable {
        let hash: PasswordHash
        /// Of the password, under a key of this process: no password is kept.
        let code: [UInt8]
    }

    private let loop: EventLoop
    private let secret = SymmetricKey(size: .bits256)
    private var known: [Key: Int64] = [:]

    init(_ loop: EventLoop) { self.loop = loop }

    /// - Throws: ``HTTPFailure`` 503 when too many wait.
    func isRight(_ password: String, for hash: PasswordHash) async throws -> Bool {
        let code = HMAC<SHA256>.authenticationCode(for: Data(password.utf8), using: secret)
        let key = Key(hash: hash, code: Array(code))
        let now = EventLoop.secondsSince1970
        if let seen = known[key], (0..<Self.keptSeconds).contains(now - seen) { return true }
        guard try await loop.offloadLong({ hash.isHash(of: password) }) else { return false }
        if known.count >= Self.limitEntries { known = [:] }
        known[key] = now
        return true
    }
}
