internal import IgropyrTime

/// The keys under which a server seals sessions for its clients to keep (RFC 5077, RFC 8446 §4.6.1): one to seal with,
/// and the one before it, so that what was sealed last can still be opened.
struct TicketKeys: Sendable {
    struct Key: Sendable, Hashable {
        /// Stands before what it sealed, in clear.
        let name: [UInt8]
        /// AES-256-CBC.
        let cipherKey: [UInt8]
        /// HMAC-SHA-256.
        let macKey: [UInt8]

        init(using random: inout some RandomNumberGenerator) {
            func bytes(_ count: Int, _ random: inout some RandomNumberGenerator) -> [UInt8] {
                (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            name = bytes(16, &random)
            cipherKey = bytes(32, &random)
            macKey = bytes(32, &random)
        }
    }

    /// How long a key seals, and how long it opens after that.
    let lifetime: Duration
    private var current: (key: Key, until: Timestamp)?
    private var previous: (key: Key, until: Timestamp)?

    init(lifetime: Duration) { self.lifetime = lifetime }

    mutating func sealingKey(at now: Timestamp, using random: inout some RandomNumberGenerator) -> Key {
        retire(at: now)
        if let current { return current.key }
        let key = Key(using: &random)
        current = (key, until: now.advanced(by: lifetime))
        return key
    }

    /// The key of that name and whether it is due to be replaced in the ticket; nil once it is forgotten.
    mutating func openingKey(named name: some Sequence<UInt8>, at now: Timestamp) -> (key: Key, isOld: Bool)? {
        retire(at: now)
        if let current, name.elementsEqual(current.key.name) { return (current.key, false) }
        if let previous, name.elementsEqual(previous.key.name) { return (previous.key, true) }
        return nil
    }

    private mutating func retire(at now: Timestamp) {
        if let old = current, now >= old.until {
            previous = (old.key, until: old.until.advanced(by: lifetime))
            current = nil
        }
        if let old = previous, now >= old.until { previous = nil }
    }
}
