/// A domain name as its labels, from left to right; the root has none. Names are alike whatever the case of their
/// letters.
public struct DNSName: Sendable {
    /// RFC 1035 §2.3.4, length bytes included.
    static let limitBytes = 255
    static let labelLimitBytes = 63

    public let labels: [[UInt8]]

    /// Nil if a label is empty or longer than 63 bytes, or the whole is longer than 255.
    public init?(labels: [[UInt8]]) {
        guard labels.allSatisfy({ (1...Self.labelLimitBytes).contains($0.count) }),
            labels.reduce(1, { $0 + $1.count + 1 }) <= Self.limitBytes
        else { return nil }
        self.labels = labels
    }

    /// `_igropyr._udp.example.org`, with or without a dot at the end.
    public init?(_ text: String) {
        let text = text.hasSuffix(".") ? text.dropLast() : text[...]
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        self.init(labels: labels.map(Array.init))
    }

    public func hasSuffix(_ other: DNSName) -> Bool {
        labels.count >= other.labels.count
            && zip(labels.suffix(other.labels.count), other.labels).allSatisfy { Self.folded($0) == Self.folded($1) }
    }

    /// ASCII only (RFC 4343).
    fileprivate static func folded(_ label: [UInt8]) -> [UInt8] {
        label.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}

extension DNSName: Hashable {
    public static func == (left: DNSName, right: DNSName) -> Bool {
        left.labels.map(folded) == right.labels.map(folded)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(labels.map(Self.folded)) }
}

extension DNSName: CustomStringConvertible {
    /// Without the dot at the end; what is no plain text, or a dot within a label, as `\046` (RFC 4343 §2.1).
    public var description: String {
        labels.map { label in
            label.map { byte in
                if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "."), byte != UInt8(ascii: "\\") {
                    return String(UnicodeScalar(byte))
                }
                let digits = String(byte)
                return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }.joined()
        }.joined(separator: ".")
    }
}
