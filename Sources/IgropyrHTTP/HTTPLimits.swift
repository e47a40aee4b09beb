/// What a parser takes from a peer. The bytes of a body are the driver's business: a known length stands in the head.
public struct HTTPLimits: Sendable, Hashable {
    /// The highest ``headBytes`` that a parser heeds: 16 MiB.
    public static let maximumHeadBytes = 1 << 24
    /// The highest ``fields`` that a parser heeds: swift-http-types traps on 65 535 fields.
    public static let maximumFields = 65_000

    /// The request target; more is answered with 414.
    public var targetBytes = 8 << 10
    /// The whole head from its first byte to the empty line's last; more is answered with 431.
    public var headBytes = 32 << 10
    /// Field lines in a head, and likewise in the trailers; more is answered with 431.
    public var fields = 100
    /// The line of one chunk's size, with its extensions and its CR LF.
    public var chunkLineBytes = 256
    /// The extensions of all chunks of a message: they carry nothing and would be a cheap way to keep a server busy.
    public var chunkExtensionBytes = 16 << 10
    /// The trailers with the empty line after them; more is answered with 431.
    public var trailerBytes = 8 << 10

    public init() {}

    /// These limits, each held within what a parser can count.
    var clamped: HTTPLimits {
        var limits = self
        limits.headBytes = min(max(headBytes, 0), Self.maximumHeadBytes)
        limits.targetBytes = min(max(targetBytes, 0), limits.headBytes)
        limits.fields = min(max(fields, 0), Self.maximumFields)
        limits.chunkLineBytes = min(max(chunkLineBytes, 3), Self.maximumHeadBytes)
        limits.chunkExtensionBytes = max(chunkExtensionBytes, 0)
        limits.trailerBytes = min(max(trailerBytes, 2), Self.maximumHeadBytes)
        return limits
    }
}
