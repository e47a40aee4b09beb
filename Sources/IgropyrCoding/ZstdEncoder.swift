internal import CZstd

/// Zstandard (RFC 8878), by Facebook's library.
@safe
final class ZstdEncoder: Encoder {
    /// 1 MiB. RFC 9659 allows 8 MiB at most: a browser need not decode more.
    private static let windowBits: Int32 = 20

    private let context: OpaquePointer

    init(level: Int, sizeHint: Int?) throws(ContentEncoder.OutOfMemory) {
        guard let context = unsafe ZSTD_createCCtx() else { throw ContentEncoder.OutOfMemory() }
        unsafe self.context = unsafe context
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.windowBits)
        if let sizeHint { unsafe ZSTD_CCtx_setPledgedSrcSize(context, UInt64(sizeHint)) }
    }

    deinit { unsafe ZSTD_freeCCtx(context) }

    func encode(
        _ bytes: RawSpan, _ operation: ContentEncoder.Operation, into output: inout [UInt8]
    ) throws(ContentEncoder.OutOfMemory) {
        let directive =
            switch operation {
            case .goOn: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .finish: ZSTD_e_end
            }
        let isGood = unsafe bytes.withUnsafeBytes { input in
            var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            var remaining = 0
            repeat {
                unsafe output.appendPiece { buffer in
                    var target = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
                    remaining = unsafe ZSTD_compressStream2(context, &target, &source, directive)
                    return unsafe target.pos
                }
                guard ZSTD_isError(remaining) == 0 else { return false }
            } while unsafe directive == ZSTD_e_continue ? source.pos < source.size : remaining > 0
            return true
        }
        guard isGood else { throw ContentEncoder.OutOfMemory() }
    }
}
