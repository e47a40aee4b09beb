internal import Crypto
internal import IgropyrText

/// The SHA-256 of a chunk: what names it, wherever it lies.
public struct ChunkDigest: Hashable, Sendable {
    public static let byteCount = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Of a chunk's content.
    public init(of content: [UInt8]) {
        self.init(SHA256.hash(data: content))
    }

    init(_ digest: SHA256.Digest) {
        self.init(digest: Array(digest)[...])
    }

    /// Takes ``byteCount`` bytes.
    init(digest bytes: ArraySlice<UInt8>) {
        precondition(bytes.count == Self.byteCount)
        let words = stride(from: bytes.startIndex, to: bytes.endIndex, by: 8).map { start in
            bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// From 64 lower-case hexadecimal digits.
    public init?(hexadecimal text: String) {
        guard let bytes = Hexadecimal.bytes(text.utf8), bytes.count == Self.byteCount, text == Hexadecimal.text(bytes)
        else { return nil }
        self.init(digest: bytes[...])
    }

    var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {  // All of it: peers choose what an index says.
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension ChunkDigest: CustomStringConvertible {
    /// 64 hexadecimal digits.
    public var description: String { Hexadecimal.text(bytes) }
}
