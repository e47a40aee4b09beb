/// Bytes as Base64 (RFC 4648): padded (§4), or for URLs and file names, without padding (§5).
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlAlphabet: [UInt8] = alphabet.dropLast(2) + Array("-_".utf8)
    /// By the character's code; 64 for those that are none of the alphabet for URLs.
    private static let urlValues = urlAlphabet.enumerated().reduce(into: [UInt8](repeating: 64, count: 256)) {
        $0[Int($1.element)] = UInt8($1.offset)
    }

    public static func text(_ bytes: [UInt8]) -> String {
        let digits = digits(of: bytes, alphabet)
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
        return String(decoding: digits + padding, as: UTF8.self)
    }

    public static func urlText(_ bytes: [UInt8]) -> String {
        String(decoding: digits(of: bytes, urlAlphabet), as: UTF8.self)
    }

    private static func digits(of bytes: [UInt8], _ alphabet: [UInt8]) -> [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity((bytes.count * 4 + 2) / 3)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for digit in 0...group.count { digits.append(alphabet[bits >> (18 - 6 * digit) & 63]) }
        }
        return digits
    }

    /// What ``urlText(_:)`` was made of. Nil for all that it never is: other characters, padding, a length of no bytes, bits left
    /// over that are not zero.
    public static func bytes(urlText text: String) -> [UInt8]? {
        guard text.utf8.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3 / 4)
        var (bits, count) = (0, 0)
        for character in text.utf8 {
            let value = urlValues[Int(character)]
            guard value < 64 else { return nil }
            (bits, count) = (bits << 6 | Int(value), count + 6)
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(bits >> count))
            bits &= 1 << count - 1
        }
        return bits == 0 ? bytes : nil
    }
}
