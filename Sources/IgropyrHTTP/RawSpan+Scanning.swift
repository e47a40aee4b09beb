/// Reading bytes. The loads are `unsafe` to the compiler since any bytes could be read as any type; they check their
/// bound themselves, and every bit pattern is a `UInt8` or a `UInt64`.
extension RawSpan {
    /// Traps when `offset` is out of bounds.
    @inline(__always) func byte(at offset: Int) -> UInt8 {
        precondition(UInt(bitPattern: offset) < UInt(bitPattern: byteCount))
        return uncheckedByte(at: offset)
    }

    /// The eight bytes from `offset`, the first one lowest. Traps when they are not all within the bounds.
    @inline(__always) func word(at offset: Int) -> UInt64 {
        checkBounds(offset, offset &+ 8)
        return uncheckedWord(at: offset)
    }

    /// The bound of the unchecked loads below, checked once for each scan: they stay from `start` to before `end`.
    @inline(__always) private func checkBounds(_ start: Int, _ end: Int) {
        precondition(start >= 0 && end <= byteCount)
    }

    /// `offset` is within the bounds checked by the caller.
    @inline(__always) private func uncheckedByte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// The eight bytes from `offset`, the first one lowest; all are within the bounds checked by the caller.
    @inline(__always) private func uncheckedWord(at offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// The first offset from `start` on, before `end`, whose byte is no token character; `end` if there is none.
    @inline(__always) func endOfToken(from start: Int, to end: Int) -> Int {
        endOfRun(from: start, to: end) { $0.isToken }
    }

    /// The first offset from `start` on, before `end`, whose byte may not stand in a host's name but in an escape;
    /// `end` if there is none.
    @inline(__always) func endOfName(from start: Int, to end: Int) -> Int {
        endOfRun(from: start, to: end) { $0.isNameInAuthority }
    }

    /// The first offset from `start` on, before `end`, whose byte is not in a class that has all letters, digits, `-`
    /// and `.`.
    @inline(__always) private func endOfRun(from start: Int, to end: Int, of isInClass: (UInt8) -> Bool) -> Int {
        checkBounds(start, end)
        var offset = start
        while offset &+ 8 <= end {
            let marks = Self.marks(ofSpecialsIn: uncheckedWord(at: offset))
            guard marks != 0 else { offset &+= 8; continue }
            offset &+= marks.trailingZeroBitCount &>> 3
            guard isInClass(uncheckedByte(at: offset)) else { return offset }
            offset &+= 1
        }
        while offset < end, isInClass(uncheckedByte(at: offset)) { offset &+= 1 }
        return offset
    }

    /// The first offset from `start` on, before `end`, whose byte may not stand in a field value (a control character
    /// other than the tab); `end` if there is none.
    @inline(__always) func endOfText(from start: Int, to end: Int) -> Int {
        checkBounds(start, end)
        var offset = start
        while offset &+ 8 <= end {
            let word = uncheckedWord(at: offset)
            let marks = Self.marks(ofBytesBelow: 0x20, in: word) | Self.marks(ofByte: 0x7F, in: word)
            guard marks != 0 else { offset &+= 8; continue }
            offset &+= marks.trailingZeroBitCount &>> 3
            guard uncheckedByte(at: offset) == .tab else { return offset }
            offset &+= 1
        }
        while offset < end, uncheckedByte(at: offset).isText { offset &+= 1 }
        return offset
    }

    /// The first offset from `start` on, before `end`, whose byte may not stand in a request target: space, a control
    /// character, a byte outside ASCII or `#`; `end` if there is none.
    @inline(__always) func endOfTarget(from start: Int, to end: Int) -> Int {
        checkBounds(start, end)
        var offset = start
        while offset &+ 8 <= end {
            let word = uncheckedWord(at: offset)
            let marks =
                Self.marks(ofBytesBelow: 0x21, in: word) | Self.marks(ofByte: 0x7F, in: word)
                | Self.marks(ofByte: UInt8(ascii: "#"), in: word) | (word & Self.highBits)
            guard marks == 0 else { return offset &+ (marks.trailingZeroBitCount &>> 3) }
            offset &+= 8
        }
        while offset < end, uncheckedByte(at: offset).isTarget { offset &+= 1 }
        return offset
    }

    /// The first offset of `wanted` from `start` on, before `end`.
    @inline(__always) func firstOffset(of wanted: UInt8, from start: Int, to end: Int) -> Int? {
        checkBounds(start, end)
        var offset = start
        while offset &+ 8 <= end {
            let marks = Self.marks(ofByte: wanted, in: uncheckedWord(at: offset))
            guard marks == 0 else { return offset &+ (marks.trailingZeroBitCount &>> 3) }
            offset &+= 8
        }
        while offset < end {
            if uncheckedByte(at: offset) == wanted { return offset }
            offset &+= 1
        }
        return nil
    }

    /// Whether the bytes of `range` are those of `literal`, which must be ASCII in lower case, in whatever case.
    @inline(__always) package func equals(_ literal: StaticString, in range: Range<Int>) -> Bool {
        guard literal.utf8CodeUnitCount == range.count else { return false }
        // A literal's bytes are there for good.
        let text = unsafe UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        return matches(unsafe text.bytes, at: range.lowerBound)
    }

    /// Whether the bytes from `start` on are those of `text`, the case of ASCII letters aside. Traps when there are
    /// fewer.
    @inline(__always) func matches(_ text: RawSpan, at start: Int) -> Bool {
        let count = text.byteCount
        checkBounds(start, start &+ count)
        guard count >= 8 else {
            for offset in 0..<count {
                let (byte, other) = (uncheckedByte(at: start &+ offset), text.uncheckedByte(at: offset))
                guard byte == other || byte.lowercased == other.lowercased else { return false }
            }
            return true
        }
        var offset = 0
        while offset < count {
            offset = min(offset, count &- 8)  // The last word may overlap with the one before.
            guard Self.isSame(uncheckedWord(at: start &+ offset), text.uncheckedWord(at: offset)) else { return false }
            offset &+= 8
        }
        return true
    }

    /// Whether two words are the same, the case of ASCII letters aside.
    @inline(__always) private static func isSame(_ left: UInt64, _ right: UInt64) -> Bool {
        let difference = left ^ right
        guard difference & ~(lowBits &* 0x20) == 0 else { return false }
        let letters = marks(ofLettersIn: left & ~highBits) & ~left & highBits
        return difference & ~(letters &>> 2) == 0
    }

    /// `range` without the spaces and tabs at its two ends (RFC 9110 §5.5).
    @inline(__always) func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, byte(at: start).isSpace { start &+= 1 }
        while start < end, byte(at: end &- 1).isSpace { end &-= 1 }
        return start..<end
    }

    /// How the bytes of `range` compare to those of `other` in `text`, by length first: negative when less.
    func order(of range: Range<Int>, to text: [UInt8], in other: Range<Int>) -> Int {
        let difference = range.count - other.count
        guard difference == 0 else { return difference }
        for index in 0..<range.count {
            let difference = Int(byte(at: range.lowerBound + index)) - Int(text[other.lowerBound + index])
            guard difference == 0 else { return difference }
        }
        return 0
    }

    private static var lowBits: UInt64 { 0x0101_0101_0101_0101 }
    private static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    /// Sets the high bit of each byte below `limit` (at most 0x80). Higher bytes than the first one marked may be
    /// marked wrongly, as the subtraction borrows: only the lowest mark counts.
    @inline(__always) private static func marks(ofBytesBelow limit: UInt8, in word: UInt64) -> UInt64 {
        (word &- lowBits &* UInt64(limit)) & ~word & highBits
    }

    /// As ``marks(ofBytesBelow:in:)``, for each byte equal to `byte`.
    @inline(__always) private static func marks(ofByte byte: UInt8, in word: UInt64) -> UInt64 {
        marks(ofBytesBelow: 1, in: word ^ (lowBits &* UInt64(byte)))
    }

    /// Sets the high bit of each byte that is no letter, digit, `-` or `.`.
    @inline(__always) private static func marks(ofSpecialsIn word: UInt64) -> UInt64 {
        let ascii = word & ~highBits
        let letters = marks(ofLettersIn: ascii)
        let others = marks(from: 0x2D, in: ascii) & ~marks(from: 0x3A, in: ascii)  // With the slash.
        let noSlashes = marks(from: 1, in: ascii ^ (lowBits &* UInt64(UInt8(ascii: "/"))))
        return (~(letters | others & noSlashes) | word) & highBits
    }

    /// Sets the high bit of each byte that is a letter, if all are ASCII; other bits mean nothing.
    @inline(__always) private static func marks(ofLettersIn word: UInt64) -> UInt64 {
        let lowercased = word | lowBits &* 0x20
        return marks(from: 0x61, in: lowercased) & ~marks(from: 0x7B, in: lowercased)
    }

    /// Sets the high bit of each byte from `limit` (1…0x80) on, if all are ASCII; other bits mean nothing.
    @inline(__always) private static func marks(from limit: UInt8, in word: UInt64) -> UInt64 {
        word &+ lowBits &* UInt64(0x80 - limit)
    }
}

extension RawSpan {
    /// Appends the first `count` bytes to `array`. Traps when there are fewer.
    public func append(first count: Int, to array: inout [UInt8]) {
        let part = extracting(first: count)
        unsafe part.withUnsafeBytes { unsafe array.append(contentsOf: $0) }
    }

    /// Copies the first `count` bytes to the front of `array`, which grows if it has fewer. Traps when there are fewer
    /// here.
    public func copy(first count: Int, to array: inout [UInt8]) {
        let part = extracting(first: count)
        unsafe part.withUnsafeBytes { source in
            guard array.count >= count else { return array = unsafe [UInt8](source) }
            unsafe array.withUnsafeMutableBytes { unsafe $0.copyMemory(from: source) }
        }
    }

    /// The bytes of `range` as text; what is not UTF-8 is replaced. Traps when `range` is out of bounds.
    public func string(in range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// A copy of the bytes of `range`. Traps when `range` is out of bounds.
    public func array(in range: Range<Int>) -> [UInt8] {
        unsafe extracting(range).withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

/// What a whole part of a message may consist of.
extension RawSpan {
    var isToken: Bool { !isEmpty && endOfToken(from: 0, to: byteCount) == byteCount }

    /// A request target: visible ASCII without `#`.
    var isTarget: Bool { !isEmpty && endOfTarget(from: 0, to: byteCount) == byteCount }

    /// A field's value: no control character but the tab, no white space at its ends.
    package var isFieldValue: Bool {
        isEmpty
            || (endOfText(from: 0, to: byteCount) == byteCount && !byte(at: 0).isSpace
                && !byte(at: byteCount - 1).isSpace)
    }
}
