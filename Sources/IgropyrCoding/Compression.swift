public import IgropyrHTTP

/// How responses are compressed for clients that can read it.
///
/// A response is compressed if its type is worth it, it has a minimum size, and nothing forbids it: a
/// `Content-Encoding` of its own, `no-transform` in its `Cache-Control`, a digest of its bytes, a status other than
/// 2xx, a range. It then gets `Content-Encoding`, `Vary: Accept-Encoding`, and its entity tag becomes a weak one. To a
/// client that takes no coding on offer, nor any response without one (`identity;q=0`), the answer is 406.
///
/// Who compresses a secret together with what a stranger can choose lets him guess the secret by the length (BREACH):
/// leave such routes out.
public struct Compression: Sendable, Hashable {
    /// What is on offer; between codings that a client likes equally, the earlier is taken.
    public var codings: [ContentCoding] = [.zstd, .brotli, .gzip]
    /// Smaller bodies are sent as they are; streams count as large.
    public var minimumBytes = 1024
    /// Larger files are sent as they are.
    public var maximumFileBytes = 64 << 20
    /// Media types worth it; `text/*` is all of a kind, `*+json` all with that end. `text/event-stream` only if it is
    /// named: such a stream lasts, and so would its share of ``streams``.
    public var types = [
        "text/*", "*+json", "*+xml", "application/json", "application/javascript", "application/xml",
        "application/wasm", "application/x-ndjson", "application/vnd.ms-fontobject", "font/ttf", "font/otf",
        "image/bmp", "image/vnd.microsoft.icon", "image/x-icon",
    ]
    /// How much work to spend, for each coding: 1…9 for gzip, 0…11 for brotli, 1…19 for zstd.
    public var quality: [ContentCoding: Int] = [.gzip: 6, .brotli: 5, .zstd: 3]
    /// Bodies being compressed while they are sent, on each loop; further ones are sent as they are. Each takes up to
    /// 2 MiB.
    public var streams = 64

    public init() {}

    /// Larger pieces are compressed on a thread of libuv's pool, smaller ones on the loop, in well under a millisecond.
    package static let inlineBytes = 16 << 10

    /// Whether a media type, with or without parameters, is worth it.
    package func covers(_ contentType: String) -> Bool {
        let bytes = contentType.utf8.span
        let end = bytes.indices.first { bytes[$0] == UInt8(ascii: ";") || bytes[$0] == UInt8(ascii: " ") }
        let type = bytes.extracting(first: end ?? bytes.count)
        let lasts = Self.areEqual(type, "text/event-stream".utf8.span)
        return types.contains { pattern in
            let pattern = pattern.utf8.span
            let count = pattern.count - 1
            if lasts || pattern.isEmpty { return Self.areEqual(type, pattern) }
            if pattern[0] == UInt8(ascii: "*") {
                return Self.areEqual(type.extracting(last: count), pattern.extracting(last: count))
            }
            if pattern[count] == UInt8(ascii: "*") {
                return Self.areEqual(type.extracting(first: count), pattern.extracting(first: count))
            }
            return Self.areEqual(type, pattern)
        }
    }

    private static func areEqual(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        one.count == other.count && one.indices.allSatisfy { one[$0] == other[$0] }
    }
}
