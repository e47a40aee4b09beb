internal import CLinux
internal import COpenSSL
internal import Glibc

/// The memory that OpenSSL works in.
///
/// A handshake asks for some 700 small blocks and gives them back. glibc keeps seven of a size for the thread that freed
/// them and takes a lock for each one more, which costs a handshake a tenth of its time in a process with threads. So
/// each thread keeps more of them: up to ``limitBytes``, and none larger than ``largestBytes``.
enum TLSMemory {
    /// What one thread may keep.
    static let limitBytes = 512 << 10
    static let largestBytes = FreeBlocks.bytes(inClass: FreeBlocks.classCount - 1)

    /// Takes effect once, before OpenSSL has asked for any memory; too late, OpenSSL stays with the system's.
    static let isInstalled: Bool = unsafe CRYPTO_set_mem_functions(allocate, reallocate, deallocate) == 1
}

/// Blocks that a thread of OpenSSL's has freed, by size; each but the last begins with a pointer to the next.
@safe
private struct FreeBlocks {
    static let classCount = 64
    private static let smallestBytes = 24  // glibc's sizes are this and 16 more at a time.
    private static let stepBytes = 16

    private var first: [64 of UnsafeMutableRawPointer?] = unsafe .init(repeating: nil)
    private var keptBytes = 0

    static func bytes(inClass index: Int) -> Int { smallestBytes + index * stepBytes }

    /// The class whose blocks all hold `bytes`; nil if they are not kept.
    static func classHolding(_ bytes: Int) -> Int? {
        guard bytes > smallestBytes else { return 0 }
        guard bytes <= self.bytes(inClass: classCount - 1) else { return nil }
        return (bytes - smallestBytes + stepBytes - 1) / stepBytes
    }

    /// The largest class whose blocks a block of `bytes` can stand for; nil if it is not kept.
    private static func classHeld(by bytes: Int) -> Int? {
        guard bytes >= smallestBytes, bytes < self.bytes(inClass: classCount) else { return nil }
        return (bytes - smallestBytes) / stepBytes
    }

    mutating func take(class index: Int) -> UnsafeMutableRawPointer? {
        guard let block = unsafe first[index] else { return nil }
        unsafe first[index] = block.load(as: UnsafeMutableRawPointer?.self)
        keptBytes -= Self.bytes(inClass: index)
        return unsafe block
    }

    /// False if the caller must free it.
    mutating func keep(_ block: UnsafeMutableRawPointer) -> Bool {
        guard let index = Self.classHeld(by: unsafe malloc_usable_size(block)),
            keptBytes + Self.bytes(inClass: index) <= TLSMemory.limitBytes
        else { return false }
        unsafe block.storeBytes(of: first[index], as: UnsafeMutableRawPointer?.self)
        unsafe first[index] = block
        keptBytes += Self.bytes(inClass: index)
        return true
    }

    mutating func freeAll() {
        for index in 0..<Self.classCount {
            while let block = unsafe take(class: index) { unsafe free(block) }
        }
    }
}

/// The calling thread's blocks, freed when it ends.
private let key: pthread_key_t = {
    var key = pthread_key_t()
    let status = unsafe pthread_key_create(&key) { blocks in
        guard let blocks = unsafe blocks?.assumingMemoryBound(to: FreeBlocks.self) else { return }
        unsafe blocks.pointee.freeAll()
        unsafe blocks.deallocate()
    }
    precondition(status == 0, "this process has more than a thousand thread-local keys")
    return key
}()

private func blocksOfThread() -> UnsafeMutablePointer<FreeBlocks> {
    if let known = unsafe pthread_getspecific(key) { return unsafe known.assumingMemoryBound(to: FreeBlocks.self) }
    let blocks = UnsafeMutablePointer<FreeBlocks>.allocate(capacity: 1)
    unsafe blocks.initialize(to: FreeBlocks())
    unsafe pthread_setspecific(key, blocks)
    return unsafe blocks
}

private func allocate(_ bytes: Int, _: UnsafePointer<CChar>?, _: Int32) -> UnsafeMutableRawPointer? {
    guard let index = FreeBlocks.classHolding(bytes) else { return unsafe malloc(bytes) }
    return unsafe blocksOfThread().pointee.take(class: index) ?? malloc(FreeBlocks.bytes(inClass: index))
}

private func reallocate(
    _ block: UnsafeMutableRawPointer?, _ bytes: Int, _ file: UnsafePointer<CChar>?, _ line: Int32
) -> UnsafeMutableRawPointer? {
    guard let block = unsafe block else { return unsafe allocate(bytes, file, line) }
    return unsafe realloc(block, bytes)
}

private func deallocate(_ block: UnsafeMutableRawPointer?, _: UnsafePointer<CChar>?, _: Int32) {
    guard let block = unsafe block, unsafe !blocksOfThread().pointee.keep(block) else { return }
    unsafe free(block)
}
