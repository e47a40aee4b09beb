internal import CBrotli

/// Brotli (RFC 7932), by Google's library.
@safe
final class BrotliEncoder: Encoder {
    /// 512 KiB: far more than most pages have, and an eighth of what the library would take by itself.
    private static let windowBits: UInt32 = 19

    private let state: OpaquePointer

    init(quality: Int, sizeHint: Int?) throws(ContentEncoder.OutOfMemory) {
        guard let state = unsafe BrotliEncoderCreateInstance(nil, nil, nil) else {
            throw ContentEncoder.OutOfMemory()
        }
        unsafe self.state = unsafe state
        unsafe BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, UInt32(quality))
        unsafe BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, Self.windowBits)
        if let sizeHint { unsafe BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT, UInt32(clamping: sizeHint)) }
    }

    deinit { unsafe BrotliEncoderDestroyInstance(state) }

    func encode(
        _ bytes: RawSpan, _ operation: ContentEncoder.Operation, into output: inout [UInt8]
    ) throws(ContentEncoder.OutOfMemory) {
        let operation =
            switch operation {
            case .goOn: BROTLI_OPERATION_PROCESS
            case .flush: BROTLI_OPERATION_FLUSH
            case .finish: BROTLI_OPERATION_FINISH
            }
        let isGood = unsafe bytes.withUnsafeBytes { input in
            var available = input.count
            var next = unsafe input.baseAddress?.assumingMemoryBound(to: UInt8.self)
            repeat {
                var isGood = false
                unsafe output.appendPiece { buffer in
                    var room = buffer.count
                    var target = buffer.baseAddress
                    isGood =
                        unsafe BrotliEncoderCompressStream(
                            state, operation, &available, &next, &room, &target, nil) != 0
                    return buffer.count - room
                }
                guard isGood else { return false }
            } while unsafe available > 0 || BrotliEncoderHasMoreOutput(state) != 0
            return true
        }
        guard isGood else { throw ContentEncoder.OutOfMemory() }  // It can fail by nothing else.
    }
}
