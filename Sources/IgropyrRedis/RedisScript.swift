internal import Crypto

/// A program in Lua that the server runs with nothing of others in between. Made once, and kept: servers know it by its
/// digest.
public struct RedisScript: Sendable {
    public let source: String
    /// SHA-1, as `EVALSHA` has it: a name, no protection.
    let digest: String

    public init(_ source: String) {
        self.source = source
        digest = Insecure.SHA1.hash(data: Array(source.utf8)).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}
