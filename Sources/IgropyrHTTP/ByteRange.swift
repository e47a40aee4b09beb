/// A range of bytes counted from the first byte of a message head, half the size of a `Range<Int>`.
///
/// Limits hold a head far below 4 GiB (``HTTPLimits/maximumHeadBytes``), so 32 bits suffice.
@frozen @usableFromInline struct ByteRange: BitwiseCopyable, Sendable, Hashable {
    @usableFromInline var start: UInt32
    @usableFromInline var end: UInt32

    @inlinable init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    /// Stands for "not there": no part of a head that this is used for begins and ends at its first byte.
    @inlinable static var absent: Self { Self(0, 0) }

    @inlinable var range: Range<Int> { Int(start)..<Int(end) }
    @inlinable var ifPresent: Range<Int>? { end == 0 ? nil : range }
}
