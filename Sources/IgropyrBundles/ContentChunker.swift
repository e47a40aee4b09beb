internal import Crypto

/// Cuts a stream of bytes into chunks at places that its content chooses, so that a change moves the cuts near it only.
///
/// FastCDC (Xia et al., USENIX ATC 2016) with its gear hash, cut-point skipping and normalised chunking of level 2: up
/// to ``normalBytes`` a cut wants 18 zero bits, beyond it 14. The bits are the hash's highest, which depend on the last
/// 46 bytes and more. Sizes as casync and desync have them. Part of the protocol: what cuts otherwise shares no chunks.
public struct ContentChunker: Sendable {
    /// No chunk is shorter, but for the last.
    public static let minimumBytes = 16 << 10
    public static let normalBytes = 64 << 10
    /// No chunk is longer.
    public static let maximumBytes = 256 << 10

    private static let strictMask = UInt64.max << (64 - 18)
    private static let looseMask = UInt64.max << (64 - 14)
    /// For each byte the first eight of its own SHA-256: numbers that nobody chose.
    private static let gear: [UInt64] = (UInt8.min...UInt8.max).map { byte in
        SHA256.hash(data: [byte]).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private var hash: UInt64 = 0
    /// Of the chunk at hand.
    private var byteCount = 0

    public init() {}

    /// Where the chunk at hand ends in `bytes`, which follow all that came before; nil if it goes on beyond them. After
    /// a cut, give the rest from there.
    public mutating func nextCut(in bytes: Span<UInt8>) -> Int? {
        var position = min(bytes.count, max(0, Self.minimumBytes - byteCount))
        byteCount += position
        for (limit, mask) in [(Self.normalBytes, Self.strictMask), (Self.maximumBytes, Self.looseMask)] {
            let end = min(bytes.count, position + max(0, limit - byteCount))
            let cut = scan(bytes, from: position, to: end, for: mask)
            byteCount += (cut ?? end) - position
            if let cut { return finish(at: cut) }
            position = end
        }
        return byteCount == Self.maximumBytes ? finish(at: position) : nil
    }

    private mutating func finish(at position: Int) -> Int {
        hash = 0
        byteCount = 0
        return position
    }

    private mutating func scan(_ bytes: Span<UInt8>, from start: Int, to end: Int, for mask: UInt64) -> Int? {
        let gear = Self.gear.span
        var hash = hash
        for position in start..<end {
            hash = hash << 1 &+ gear[Int(bytes[position])]
            if hash & mask == 0 { return position + 1 }
        }
        self.hash = hash
        return nil
    }
}
