/// Compresses messages, each by itself, as `permessage-deflate` has them (RFC 7692 §7.2.1). Takes 256 KiB with the
/// largest window.
public final class MessageDeflater {
    private let encoder: DeflateEncoder

    /// `windowBits`: 9 to 15.
    public init(windowBits: Int) throws(ContentEncoder.OutOfMemory) {
        precondition(9...15 ~= windowBits, "a window that zlib has")
        encoder = try DeflateEncoder(.raw, windowBits: windowBits)
    }

    public func compress(_ message: RawSpan) -> [UInt8] {
        var output: [UInt8] = []
        encoder.encode(message, .flush, into: &output)
        encoder.reset()
        output.removeLast(emptyBlock.count)  // What a flush ends with.
        return output
    }
}

/// A stored block without data, which both ends add and remove without sending it.
let emptyBlock: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
