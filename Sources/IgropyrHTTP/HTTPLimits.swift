/// What a parser takes from a peer. The bytes of a body are the driver's business: a known length stands in the head.
///
/// By default a head has room for what proxies add to one that they take: a balancer of ours takes 100 fields and 32
/// KiB.
public struct HTTPLimits: Sendable, Hashable {
    /// The highest ``headBytes`` that a parser heeds: 16 MiB.
    public static let maximumHeadBytes = 1 << 24
    /// The highest ``fields`` that a parser heeds: swift-http-types traps on 65 535 fields.
    public static let maximumFields = 65_000

    /// The request target; more is answered with 414.
    public var targetBytes = 8 << 10
    /// The whole head from its first byte to the empty line's last; more is answered with 431.
    public var headBytes = 40 << 10
    /// Field lines in a head, and likewise in the trailers; more is answered with 431.
    public var fields = 128
    /// The line of one chunk's size, with its extensions and its CR LF.
    public var chunkLineBytes = 256
    /// The extensions of all chunks of a message: they carry nothing and would be a cheap way to keep a server busy.
    public var chunkExtensionBytes = 16 << 10
    /// The trailers with the empty line after them; more is answered with 431.
    public var trailerBytes = 8 << 10

    public init() {}
}

/// Limits, each held within what a parser can count, and small: every connection has a parser.
struct ParserLimits {
    private let target, head, fieldLines, chunkLine, chunkExtension, trailer: UInt32

    var targetBytes: Int { Int(target) }
    var headBytes: Int { Int(head) }
    var fields: Int { Int(fieldLines) }
    var chunkLineBytes: Int { Int(chunkLine) }
    var chunkExtensionBytes: Int { Int(chunkExtension) }
    var trailerBytes: Int { Int(trailer) }

    init(_ limits: HTTPLimits) {
        func count(_ value: Int, from lowest: Int = 0, to highest: Int) -> UInt32 {
            UInt32(min(max(value, lowest), highest))
        }
        head = count(limits.headBytes, to: HTTPLimits.maximumHeadBytes)
        target = count(limits.targetBytes, to: Int(head))
        fieldLines = count(limits.fields, to: HTTPLimits.maximumFields)
        chunkLine = count(limits.chunkLineBytes, from: 3, to: HTTPLimits.maximumHeadBytes)
        chunkExtension = count(limits.chunkExtensionBytes, to: Int(Int32.max))
        trailer = count(limits.trailerBytes, from: 2, to: HTTPLimits.maximumHeadBytes)
    }
}
