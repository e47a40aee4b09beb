internal import Crypto
internal import FoundationEssentials

/// The SHA-256 of a token that nobody can guess: `sha256:` and 64 digits, as `printf %s TOKEN | sha256sum` makes them.
public struct TokenHash: Sendable, Hashable {
    private let digest: [UInt8]

    public init?(_ text: String) {
        guard text.hasPrefix("sha256:"), text.utf8.count == 71 else { return nil }
        let digits = Array(text.utf8.dropFirst(7))
        var digest: [UInt8] = []
        for place in stride(from: 0, to: 64, by: 2) {
            let pair = String(decoding: digits[place...place + 1], as: UTF8.self)
            guard pair.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let byte = UInt8(pair, radix: 16)
            else { return nil }
            digest.append(byte)
        }
        self.digest = digest
    }

    init(hashing token: String) { digest = Array(SHA256.hash(data: Data(token.utf8))) }
}
