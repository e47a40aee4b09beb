internal import COpenSSL

/// The wire as OpenSSL sees it: what came, to be read, and what must go, as it was written. A BIO of our own, since a
/// memory BIO copies what comes once more and keeps its memory for as long as a connection lives.
@safe
final class TLSWire {
    /// Memory for outgoing bytes that an idle session keeps; a larger buffer is given back.
    private static let keptCapacity = 1024

    /// What the caller of ``lend(_:for:)`` has read and OpenSSL has not yet taken.
    @exclusivity(unchecked)  // As the others: used for each record, where that check shows in the profile.
    private var lent = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// What was left of that after the call, from `keptStart`.
    @safe @exclusivity(unchecked) private var kept: [UInt8] = []
    @safe @exclusivity(unchecked) private var keptStart = 0
    @safe @exclusivity(unchecked) private var outgoing: [UInt8] = []
    /// Nothing more will come.
    @safe @exclusivity(unchecked) private var hasEnded = false

    /// Bytes that came and are not yet read.
    var unreadBytes: Int { unsafe kept.count - keptStart + lent.count }
    /// Bytes that must go.
    var untakenBytes: Int { outgoing.count }
    /// Whether reading has something to find: bytes, or the end.
    var isReadable: Bool { hasEnded || unreadBytes > 0 }

    /// Has `ssl` read and write here. It must not outlive this object.
    /// - Throws: `.setup` if there is no memory.
    func attach(to ssl: OpaquePointer) throws(TLSError) {
        guard let method = unsafe wireMethod, let bio = unsafe BIO_new(method) else { throw .taken(during: .setup) }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        unsafe SSL_set_bio(ssl, bio, bio)  // Takes over the one reference that there is.
    }

    /// Lends bytes that came to OpenSSL for the length of `body`; what it leaves is copied.
    func lend<Failure>(_ bytes: RawSpan, for body: () throws(Failure) -> Void) throws(Failure) {
        try unsafe bytes.withUnsafeBytes { bytes throws(Failure) in
            unsafe lent = bytes
            defer { keepLent() }
            try body()
        }
    }

    private func keepLent() {
        if keptStart == kept.count {
            kept = []
            keptStart = 0
        }
        if unsafe !lent.isEmpty { unsafe kept.append(contentsOf: lent) }
        unsafe lent = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    func end() { hasEnded = true }

    /// Makes room for what is about to be written.
    func reserve(_ byteCount: Int) { outgoing.reserveCapacity(outgoing.count + byteCount) }

    /// Lends all that must go, then forgets it; does not call `body` when there is nothing.
    func take(_ body: (RawSpan) -> Void) {
        guard !outgoing.isEmpty else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &outgoing)
        unsafe body(bytes.span.bytes)
        guard outgoing.isEmpty, bytes.capacity <= Self.keptCapacity else { return }
        bytes.removeAll(keepingCapacity: true)
        outgoing = bytes
    }

    // MARK: Called by OpenSSL

    /// - Returns: The bytes read; nil if there are none now, 0 if there will be none any more.
    fileprivate func read(into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard unreadBytes > 0 else { return hasEnded ? 0 : nil }
        guard keptStart == kept.count else {
            let count = min(target.count, kept.count - keptStart)
            unsafe kept.withUnsafeBytes {
                unsafe target.copyMemory(from: .init(rebasing: $0[keptStart...].prefix(count)))
            }
            keptStart += count
            if keptStart == kept.count {
                kept = []
                keptStart = 0
            }
            return count
        }
        let count = unsafe min(target.count, lent.count)
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: lent[..<count]))
        unsafe lent = UnsafeRawBufferPointer(rebasing: lent[count...])
        return count
    }

    fileprivate func write(_ bytes: UnsafeRawBufferPointer) { unsafe outgoing.append(contentsOf: bytes) }

    fileprivate var isAtEnd: Bool { hasEnded && unreadBytes == 0 }
}

/// Made once and never freed: OpenSSL's way to describe a kind of BIO.
nonisolated(unsafe) private let wireMethod: OpaquePointer? = {
    let type = BIO_get_new_index() | Int32(igropyr_BIO_type_source_sink())
    guard let method = unsafe BIO_meth_new(type, "igropyr wire") else { return nil }
    unsafe BIO_meth_set_read(method, willRead)
    unsafe BIO_meth_set_write(method, willWrite)
    unsafe BIO_meth_set_ctrl(method, willControl)
    return unsafe method
}()

private func wire(of bio: OpaquePointer?) -> TLSWire {
    unsafe Unmanaged<TLSWire>.fromOpaque(BIO_get_data(bio)!).takeUnretainedValue()
}

private func willRead(_ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
    unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    let target = unsafe UnsafeMutableRawBufferPointer(start: target, count: Int(count))
    if let read = unsafe wire(of: bio).read(into: target) { return Int32(read) }
    unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    return -1
}

private func willWrite(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
    unsafe wire(of: bio).write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    return count
}

private func willControl(
    _ bio: OpaquePointer?, _ command: Int32, _: Int, _: UnsafeMutableRawPointer?
) -> Int {
    switch command {
    case BIO_CTRL_FLUSH: 1
    case BIO_CTRL_EOF: unsafe wire(of: bio).isAtEnd ? 1 : 0
    default: 0
    }
}
