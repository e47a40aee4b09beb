/// XXH64, the hash of keys and ring members. Every balancer and node must compute the same, so it is part of the
/// protocol: see `docs/hashing.md`. Not for secrets: who knows the function can choose keys that collide.
///
/// Source: xxHash fast digest algorithm, version 0.1.1, "XXH64 algorithm description".
public enum XXH64 {
    /// Allocates nothing; about one nanosecond for 16 bytes.
    public static func hash(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
        var offset = 0
        var hash =
            bytes.byteCount >= 32 ? consumeStripes(of: bytes, seed: seed, offset: &offset) : seed &+ prime5
        hash &+= UInt64(bytes.byteCount)
        return avalanche(consumeTail(of: bytes, from: offset, into: hash))
    }

    /// The hash of the text's UTF-8.
    public static func hash(_ text: String, seed: UInt64 = 0) -> UInt64 {
        hash(text.utf8Span.span, seed: seed)
    }

    public static func hash(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
        hash(unsafe bytes.bytes, seed: seed)  // Bytes have no padding, which is what is unsafe about other elements.
    }

    /// The final mixing step: each bit of the input changes each bit of the result with a probability near one half.
    static func avalanche(_ value: UInt64) -> UInt64 {
        var hash = value
        hash = (hash ^ hash >> 33) &* prime2
        hash = (hash ^ hash >> 29) &* prime3
        return hash ^ hash >> 32
    }

    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private static func consumeStripes(of bytes: RawSpan, seed: UInt64, offset: inout Int) -> UInt64 {
        var lanes = (seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1)
        repeat {
            lanes.0 = round(lanes.0, load64(bytes, offset))
            lanes.1 = round(lanes.1, load64(bytes, offset + 8))
            lanes.2 = round(lanes.2, load64(bytes, offset + 16))
            lanes.3 = round(lanes.3, load64(bytes, offset + 24))
            offset += 32
        } while offset + 32 <= bytes.byteCount
        var hash =
            rotate(lanes.0, 1) &+ rotate(lanes.1, 7) &+ rotate(lanes.2, 12) &+ rotate(lanes.3, 18)
        hash = merge(merge(merge(merge(hash, lanes.0), lanes.1), lanes.2), lanes.3)
        return hash
    }

    private static func consumeTail(of bytes: RawSpan, from start: Int, into initial: UInt64) -> UInt64 {
        var (offset, hash) = (start, initial)
        while offset + 8 <= bytes.byteCount {
            hash = rotate(hash ^ round(0, load64(bytes, offset)), 27) &* prime1 &+ prime4
            offset += 8
        }
        if offset + 4 <= bytes.byteCount {
            hash = rotate(hash ^ load32(bytes, offset) &* prime1, 23) &* prime2 &+ prime3
            offset += 4
        }
        while offset < bytes.byteCount {
            hash = rotate(hash ^ load8(bytes, offset) &* prime5, 11) &* prime1
            offset += 1
        }
        return hash
    }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotate(lane &+ input &* prime2, 31) &* prime1
    }

    private static func merge(_ hash: UInt64, _ lane: UInt64) -> UInt64 {
        (hash ^ round(0, lane)) &* prime1 &+ prime4
    }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        value &<< count | value &>> (64 - count)
    }

    // The loops above pass only offsets whose 8, 4 or 1 bytes lie within the span; the loads check that themselves.

    private static func load64(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func load32(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        UInt64(UInt32(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    private static func load8(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self))
    }
}
