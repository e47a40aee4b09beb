internal import Crypto
internal import FoundationEssentials
internal import IgropyrText

/// The SHA-256 of a token that nobody can guess: `sha256:` and 64 digits, as `printf %s TOKEN | sha256sum` makes them.
public struct TokenHash: Sendable, Hashable {
    private let digest: [UInt8]

    public init?(_ text: String) {
        guard text.hasPrefix("sha256:"), text.utf8.count == 71, let digest = Hexadecimal.bytes(text.utf8.dropFirst(7))
        else { return nil }
        self.digest = digest
    }

    init(hashing token: String) { digest = Array(SHA256.hash(data: Data(token.utf8))) }
}
