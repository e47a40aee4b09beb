internal import CLibUV

/// What a stream's kernel did not take at once, kept until libuv is done with it.
@safe
final class StreamWrite {
    private let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    private let bytes: UnsafeMutableRawBufferPointer
    private let onEnd: (_ status: Int32) -> Void

    /// Calls `onEnd` once, unless ``submit(to:)`` fails.
    init(copying source: UnsafeRawBufferPointer, onEnd: @escaping (_ status: Int32) -> Void) {
        self.onEnd = onEnd
        unsafe bytes = .allocate(byteCount: source.count, alignment: 1)
        unsafe bytes.copyMemory(from: source)
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe request.deallocate()
    }

    func submit(to handle: UnsafeMutablePointer<uv_stream_t>) -> Int32 {
        var buffer = unsafe uv_buf_t(reading: UnsafeRawBufferPointer(bytes))
        let retained = unsafe Unmanaged.passRetained(self)  // Released by `didWrite`.
        unsafe request.pointee.data = retained.toOpaque()
        let result = unsafe uv_write(request, handle, &buffer, 1, didWrite)
        if result < 0 { unsafe retained.release() }
        return result
    }

    fileprivate func end(_ status: Int32) { onEnd(status) }
}

private func didWrite(_ request: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
    unsafe Unmanaged<StreamWrite>.fromOpaque(request!.pointee.data).takeRetainedValue().end(status)
}
