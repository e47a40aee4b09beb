internal import CLibUV

/// The memory of one libuv handle, and the rule by which its owner lives as long as libuv knows it.
///
/// An owner allocates it, calls libuv's `…_init`, then ``retain(owner:)``. From then on libuv may call back;
/// ``close()`` ends that, and the owner is released when libuv lets go of the handle. ``deallocate()`` belongs in the
/// owner's `deinit`, which is reached only if `init` threw or after the handle was closed.
@safe
struct HandleMemory<Raw> {
    let pointer: UnsafeMutablePointer<Raw>

    init() { unsafe pointer = .allocate(capacity: 1) }

    private var base: UnsafeMutablePointer<uv_handle_t> { unsafe pointer.asHandle }

    func retain(owner: AnyObject) {
        unsafe base.pointee.data = Unmanaged.passRetained(owner).toOpaque()  // Released by `didClose`.
    }

    /// Keeps the handle from keeping its loop running.
    func unreference() { unsafe uv_unref(base) }

    func close() { unsafe uv_close(base, didClose) }

    func deallocate() { unsafe pointer.deallocate() }
}

private func didClose(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    unsafe Unmanaged<AnyObject>.fromOpaque(handle!.pointee.data).release()
}

extension UnsafeMutablePointer {
    /// Any handle as its base: all of libuv's handle structs begin with the fields of `uv_handle_t`.
    var asHandle: UnsafeMutablePointer<uv_handle_t> {
        unsafe UnsafeMutableRawPointer(self).assumingMemoryBound(to: uv_handle_t.self)
    }

    /// A TCP or pipe handle as a stream.
    var asStream: UnsafeMutablePointer<uv_stream_t> {
        unsafe UnsafeMutableRawPointer(self).assumingMemoryBound(to: uv_stream_t.self)
    }
}

/// The owner of a handle, in one of libuv's callbacks.
func owner<Raw, Owner: AnyObject>(of handle: UnsafeMutablePointer<Raw>?, as _: Owner.Type) -> Owner {
    let base = unsafe handle!.asHandle
    return unsafe Unmanaged<Owner>.fromOpaque(base.pointee.data).takeUnretainedValue()
}

/// The same without counting one more reference to the owner, for what is called with each piece of input: it lives
/// through the callback, since libuv lets go of it only later (`didClose`).
func withOwner<Raw, Owner: AnyObject>(
    of handle: UnsafeMutablePointer<Raw>?, as _: Owner.Type, _ body: (Owner) -> Void
) {
    let base = unsafe handle!.asHandle
    unsafe Unmanaged<Owner>.fromOpaque(base.pointee.data)._withUnsafeGuaranteedRef(body)
}
