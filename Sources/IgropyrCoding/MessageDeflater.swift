internal import CZlib

/// Compresses messages, each by itself, as `permessage-deflate` has them (RFC 7692 §7.2.1). Takes 256 KiB with the largest
/// window.
@safe
public final class MessageDeflater {
    /// On the heap: zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// `windowBits`: 9 to 15.
    public init(windowBits: Int) throws(ContentEncoder.OutOfMemory) {
        precondition(9...15 ~= windowBits, "a window that zlib has")
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // Negative: without head and checksum.
        let result = unsafe deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, Int32(-windowBits), 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw ContentEncoder.OutOfMemory() }
    }

    deinit {
        unsafe deflateEnd(stream)  // After a failed init it finds no state, and does nothing.
        unsafe stream.deallocate()
    }

    public func compress(_ message: RawSpan) -> [UInt8] {
        var output: [UInt8] = []
        unsafe message.withUnsafeBytes { input in
            // zlib only reads from it.
            unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.pointee.avail_in = UInt32(input.count)
            repeat {
                unsafe output.appendPiece { buffer in
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(buffer.count)
                    unsafe deflate(stream, Z_SYNC_FLUSH)
                    return unsafe buffer.count - Int(stream.pointee.avail_out)
                }
            } while unsafe stream.pointee.avail_out == 0
            unsafe stream.pointee.next_in = nil
        }
        unsafe deflateReset(stream)
        output.removeLast(emptyBlock.count)  // What a flush ends with.
        return output
    }
}

/// A stored block without data, which both ends add and remove without sending it.
let emptyBlock: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
