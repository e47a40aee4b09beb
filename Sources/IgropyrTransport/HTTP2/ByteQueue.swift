/// Bytes that wait their turn; holds no memory to speak of while there are none.
struct ByteQueue {
    private var bytes: [UInt8] = []
    /// Those before were taken.
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ new: RawSpan) {
        if start > 64 << 10, start > bytes.count / 2 {
            bytes.removeSubrange(..<start)
            start = 0
        }
        unsafe new.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Moves the first `count` bytes to `output`. Traps when there are fewer.
    mutating func take(_ count: Int, into output: inout [UInt8]) {
        let end = start + count
        output += bytes[start..<end]
        start = end
        guard isEmpty else { return }
        removeAll()
    }

    mutating func removeAll() {
        start = 0
        if bytes.capacity > 4096 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
    }
}
