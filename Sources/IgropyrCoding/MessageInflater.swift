internal import CZlib

/// Expands messages, each by itself, as `permessage-deflate` has them (RFC 7692 §7.2.2). Takes 40 KiB.
@safe
public final class MessageInflater {
    public enum Failure: Error, Hashable {
        /// The bytes are not what deflate makes.
        case malformed
        /// It has more bytes than are wanted; no more than that were made.
        case tooLarge
    }

    /// What zlib adds to `data_type` where the next block would begin.
    private static let isBetweenBlocks: Int32 = 128

    /// On the heap: zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>

    public init() throws(ContentEncoder.OutOfMemory) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw ContentEncoder.OutOfMemory() }
    }

    deinit {
        unsafe inflateEnd(stream)  // After a failed init it finds no state, and does nothing.
        unsafe stream.deallocate()
    }

    public func expand(_ message: RawSpan, limitBytes: Int) throws(Failure) -> [UInt8] {
        defer { unsafe inflateReset(stream) }
        var output: [UInt8] = []
        let end = emptyBlock
        try expand(message, limitBytes, into: &output)
        try unsafe expand(end.span.bytes, limitBytes, into: &output)
        // It was cut short.
        guard unsafe stream.pointee.data_type & Self.isBetweenBlocks != 0 else { throw .malformed }
        return output
    }

    private func expand(_ input: RawSpan, _ limitBytes: Int, into output: inout [UInt8]) throws(Failure) {
        try unsafe input.withUnsafeBytes { (input) throws(Failure) in
            try unsafe expand(input, limitBytes, into: &output)
        }
    }

    private func expand(_ input: UnsafeRawBufferPointer, _ limitBytes: Int, into output: inout [UInt8]) throws(Failure)
    {
        // zlib only reads from it.
        unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.pointee.avail_in = UInt32(input.count)
        defer { unsafe stream.pointee.next_in = nil }
        while true {
            var result = Z_OK
            unsafe output.appendPiece { buffer in
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(buffer.count)
                result = unsafe inflate(stream, Z_SYNC_FLUSH)
                return unsafe buffer.count - Int(stream.pointee.avail_out)
            }
            guard output.count <= limitBytes else { throw .tooLarge }
            let hasRoom = unsafe stream.pointee.avail_out > 0
            switch result {
            case Z_OK: if hasRoom { return }
            case Z_BUF_ERROR: return  // No more input, and all that it gives is out.
            case Z_STREAM_END:
                // The sender marked a block as its last; others may follow (RFC 7692 §7.2.3.5).
                unsafe inflateReset(stream)
                if unsafe stream.pointee.avail_in == 0 { return }
            default: throw .malformed
            }
        }
    }
}
