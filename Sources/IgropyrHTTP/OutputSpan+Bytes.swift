extension OutputSpan<UInt8> {
    /// - Precondition: There is room for it.
    @inlinable @inline(__always) package mutating func append(_ data: RawSpan) {
        guard !data.isEmpty else { return }
        unsafe data.withUnsafeBytes { unsafe append($0) }
    }

    /// - Precondition: There is room for it.
    @inlinable @inline(__always) package mutating func append(_ literal: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// What stands between a field's name and its value.
    /// - Precondition: There is room for it.
    @inline(__always) mutating func appendColon() { append(UInt8(ascii: ":"), .space) }

    /// - Precondition: There is room for it.
    @inline(__always) mutating func appendLineEnd() { append(.carriageReturn, .lineFeed) }

    @inline(__always) private mutating func append(_ first: UInt8, _ second: UInt8) {
        precondition(freeCapacity >= 2, "no room")
        unsafe withUnsafeMutableBufferPointer { buffer, count in
            // There is room for both behind the first `count`: checked above.
            unsafe (buffer.baseAddress! + count).initialize(to: first)
            unsafe (buffer.baseAddress! + count + 1).initialize(to: second)
            count &+= 2
        }
    }

    /// - Precondition: There is room for it: 20 digits at most.
    mutating func append(decimal value: UInt64) {
        if value > 9 { append(decimal: value / 10) }
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
    }

    @inlinable @inline(__always) mutating func append(_ source: UnsafeRawBufferPointer) {
        precondition(source.count <= freeCapacity, "no room")
        guard let start = source.baseAddress else { return }
        unsafe withUnsafeMutableBufferPointer { buffer, count in
            // There is room for that many behind the first `count`: checked above.
            unsafe UnsafeMutableRawPointer(buffer.baseAddress! + count).copyMemory(from: start, byteCount: source.count)
            count &+= source.count
        }
    }
}

extension [UInt8] {
    mutating func append(decimal value: UInt64) {
        append(addingCapacity: 20) { output in output.append(decimal: value) }
    }
}
