internal import Crypto
internal import IgropyrText

/// A program in Lua that the server runs with nothing of others in between. Made once, and kept: servers know it by its
/// digest.
public struct RedisScript: Sendable {
    public let source: String
    /// SHA-1, as `EVALSHA` has it: a name, no protection.
    let digest: String

    public init(_ source: String) {
        self.source = source
        digest = Hexadecimal.text(Insecure.SHA1.hash(data: Array(source.utf8)))
    }
}
