internal import Crypto
internal import IgropyrOrchestration

extension BundleDigest {
    init(_ digest: SHA256.Digest) {
        let hexadecimal = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        guard let made = BundleDigest(rawValue: hexadecimal) else { preconditionFailure("SHA-256 has 32 bytes") }
        self = made
    }
}
