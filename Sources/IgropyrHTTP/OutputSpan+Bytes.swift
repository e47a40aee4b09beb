extension OutputSpan<UInt8> {
    /// - Precondition: There is room for it.
    mutating func append(_ data: RawSpan) {
        guard !data.isEmpty else { return }
        unsafe data.withUnsafeBytes { unsafe append($0) }
    }

    /// - Precondition: There is room for it.
    mutating func append(_ literal: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// - Precondition: There is room for it: 20 digits at most.
    mutating func append(decimal value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = digits.count
        var rest = value
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        for index in start..<digits.count { append(digits[index]) }
    }

    private mutating func append(_ source: UnsafeRawBufferPointer) {
        precondition(source.count <= freeCapacity, "no room")
        unsafe withUnsafeMutableBufferPointer { buffer, count in
            let end = unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
            unsafe end.copyMemory(from: source)
            count += source.count
        }
    }
}

extension [UInt8] {
    mutating func append(decimal value: UInt64) {
        append(addingCapacity: 20) { output in output.append(decimal: value) }
    }
}
