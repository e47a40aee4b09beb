internal import CZlib

/// deflate (RFC 1951), by zlib: as gzip has it (RFC 1952), or raw.
@safe
final class DeflateEncoder: Encoder {
    enum Wrapper {
        case gzip
        case raw
    }

    /// On the heap: zlib keeps a pointer to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// `level`: 1 to 9, nil for zlib's own choice. `windowBits`: 9 to 15, which is 32 KiB and all that decoders have.
    init(_ wrapper: Wrapper, level: Int? = nil, windowBits: Int = 15) throws(ContentEncoder.OutOfMemory) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16 more ask for gzip's head and checksum; negative, for raw deflate.
        let bits = wrapper == .gzip ? windowBits + 16 : -windowBits
        let result = unsafe deflateInit2_(
            stream, level.map { Int32($0) } ?? Z_DEFAULT_COMPRESSION, Z_DEFLATED, Int32(bits), 8, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw ContentEncoder.OutOfMemory() }
    }

    deinit {
        unsafe deflateEnd(stream)  // After a failed init it finds no state, and does nothing.
        unsafe stream.deallocate()
    }

    func encode(_ bytes: RawSpan, _ operation: ContentEncoder.Operation, into output: inout [UInt8]) {
        let flush =
            switch operation {
            case .goOn: Z_NO_FLUSH
            case .flush: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        unsafe bytes.withUnsafeBytes { input in
            // zlib only reads from it.
            unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.pointee.avail_in = UInt32(input.count)
            repeat {
                unsafe output.appendPiece { buffer in
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(buffer.count)
                    unsafe deflate(stream, flush)
                    return unsafe buffer.count - Int(stream.pointee.avail_out)
                }
            } while unsafe stream.pointee.avail_out == 0
            unsafe stream.pointee.next_in = nil
        }
    }

    /// What follows knows nothing of what came before.
    func reset() { unsafe deflateReset(stream) }
}
