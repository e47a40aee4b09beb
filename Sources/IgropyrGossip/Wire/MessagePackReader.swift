/// Reads the MessagePack dialect of memberlist: maps of fields in any order, nil for every zero value.
///
/// Every length is held against the bytes left before anything is read or reserved. The position is undefined after an
/// error.
struct MessagePackReader {
    /// Containers inside an unknown value that is skipped; the reference nests three.
    static let depthLimit = 8

    private let bytes: [UInt8]
    private(set) var position: Int
    private let end: Int

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = min(max(0, position), bytes.count)
        end = bytes.count
    }

    var bytesLeft: Int { end - position }

    // MARK: - Scalars

    mutating func readByte() throws(WireError) -> UInt8 {
        guard position < end else { throw .truncated(missing: 1) }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func readBytes(count: Int) throws(WireError) -> [UInt8] {
        guard count >= 0 else { throw .outOfRange }
        guard count <= bytesLeft else { throw .truncated(missing: count - bytesLeft) }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    private mutating func readBigEndian(_ width: Int) throws(WireError) -> UInt64 {
        guard width <= bytesLeft else { throw .truncated(missing: width - bytesLeft) }
        var value: UInt64 = 0
        for byte in bytes[position..<position + width] { value = value << 8 | UInt64(byte) }
        position += width
        return value
    }

    /// True, and the nil consumed, if the next value is nil.
    private mutating func readNil() -> Bool {
        guard position < end, bytes[position] == 0xC0 else { return false }
        position += 1
        return true
    }

    /// Any width and signedness; negative values and those above `limit` are refused.
    mutating func readUnsigned(upTo limit: UInt64 = .max) throws(WireError) -> UInt64 {
        if readNil() { return 0 }
        let tag = try readByte()
        let value: UInt64
        switch tag {
        case 0x00...0x7F: value = UInt64(tag)
        case 0xCC...0xCF: value = try readBigEndian(1 << Int(tag - 0xCC))
        case 0xD0...0xD3:
            let width = 1 << Int(tag - 0xD0)
            value = try readBigEndian(width)
            guard value >> UInt64(width * 8 - 1) == 0 else { throw .outOfRange }
        case 0xE0...0xFF: throw .outOfRange
        default: throw .unexpectedType(tag)
        }
        guard value <= limit else { throw .outOfRange }
        return value
    }

    mutating func readUInt8() throws(WireError) -> UInt8 { UInt8(truncatingIfNeeded: try readUnsigned(upTo: 0xFF)) }
    mutating func readUInt16() throws(WireError) -> UInt16 {
        UInt16(truncatingIfNeeded: try readUnsigned(upTo: 0xFFFF))
    }
    mutating func readUInt32() throws(WireError) -> UInt32 {
        UInt32(truncatingIfNeeded: try readUnsigned(upTo: 0xFFFF_FFFF))
    }

    /// A count or length of a signed field: 0 to `limit`.
    mutating func readCount(upTo limit: Int) throws(WireError) -> Int {
        Int(truncatingIfNeeded: try readUnsigned(upTo: UInt64(limit)))
    }

    mutating func readBool() throws(WireError) -> Bool {
        if readNil() { return false }
        let tag = try readByte()
        switch tag {
        case 0x00, 0xC2: return false
        case 0x01, 0xC3: return true
        default: throw .unexpectedType(tag)
        }
    }

    /// A floating-point number of either width, or an integer; not a number and infinities, too.
    mutating func readDouble() throws(WireError) -> Double {
        guard position < end else { throw .truncated(missing: 1) }
        switch bytes[position] {
        case 0xCA:
            position += 1
            return Double(Float(bitPattern: UInt32(truncatingIfNeeded: try readBigEndian(4))))
        case 0xCB:
            position += 1
            return Double(bitPattern: try readBigEndian(8))
        default: return Double(try readUnsigned())
        }
    }

    // MARK: - Raw

    /// A byte string of the raw, str 8 or bin family, or a list of small integers; nil for nil.
    mutating func readRaw() throws(WireError) -> [UInt8]? {
        if readNil() { return nil }
        let tag = try readByte()
        if let length = try readRawLength(tag) { return try readBytes(count: length) }
        guard let count = try readArrayLength(tag) else { throw .unexpectedType(tag) }
        guard count <= bytesLeft else { throw .truncated(missing: count - bytesLeft) }
        var list: [UInt8] = []
        for _ in 0..<count { list.append(try readUInt8()) }
        return list
    }

    /// Text of the raw, str 8 or bin family; broken UTF-8 is repaired.
    mutating func readText() throws(WireError) -> String { String(decoding: try readRaw() ?? [], as: UTF8.self) }

    /// A member's name, "" for nil: valid UTF-8 of at most ``MemberName/limitBytes`` without control characters.
    mutating func readName() throws(WireError) -> String {
        guard let name = MemberName.check(try readSlice()) else { throw .malformedText }
        return name
    }

    /// Nil for a byte string that is no address.
    mutating func readAddress() throws(WireError) -> IPAddress? { IPAddress(bytes: try readSlice()) }

    /// Nil for a byte string that is none of versions.
    mutating func readVersions() throws(WireError) -> Versions? { Versions(try readSlice()) }

    /// What ``readRaw()`` reads, empty for nil; without a copy where it is short.
    private mutating func readSlice() throws(WireError) -> ArraySlice<UInt8> {
        if let place = try readShortRaw() { bytes[place] } else { (try readRaw() ?? [])[...] }
    }

    /// The place of a raw string of up to 31 bytes, without a copy; nil, and nothing consumed, if the next value is
    /// none.
    @inline(__always)
    private mutating func readShortRaw() throws(WireError) -> Range<Int>? {
        guard position < end, (0xA0...0xBF).contains(bytes[position]) else { return nil }
        let count = Int(bytes[position] & 0x1F)
        guard count < bytesLeft else { throw .truncated(missing: count + 1 - bytesLeft) }
        defer { position += 1 + count }
        return position + 1..<position + 1 + count
    }

    private mutating func readRawLength(_ tag: UInt8) throws(WireError) -> Int? {
        switch tag {
        case 0xA0...0xBF: Int(tag & 0x1F)
        case 0xD9, 0xC4: Int(try readBigEndian(1))
        case 0xDA, 0xC5: Int(try readBigEndian(2))
        case 0xDB, 0xC6: Int(try readBigEndian(4))
        default: nil
        }
    }

    // MARK: - Containers

    private mutating func readArrayLength(_ tag: UInt8) throws(WireError) -> Int? {
        switch tag {
        case 0x90...0x9F: Int(tag & 0x0F)
        case 0xDC: Int(try readBigEndian(2))
        case 0xDD: Int(try readBigEndian(4))
        default: nil
        }
    }

    private mutating func readMapLength(_ tag: UInt8) throws(WireError) -> Int? {
        switch tag {
        case 0x80...0x8F: Int(tag & 0x0F)
        case 0xDE: Int(try readBigEndian(2))
        case 0xDF: Int(try readBigEndian(4))
        default: nil
        }
    }

    /// The number of elements that follow; 0 for nil. Never more than there are bytes left.
    mutating func readArrayHeader() throws(WireError) -> Int {
        if readNil() { return 0 }
        let tag = try readByte()
        guard let count = try readArrayLength(tag) else { throw .unexpectedType(tag) }
        guard count <= bytesLeft else { throw .truncated(missing: count - bytesLeft) }
        return count
    }

    /// The number of pairs that follow; 0 for nil. Never more than there are bytes for.
    mutating func readMapHeader() throws(WireError) -> Int {
        if readNil() { return 0 }
        let tag = try readByte()
        guard let count = try readMapLength(tag) else { throw .unexpectedType(tag) }
        guard count * 2 <= bytesLeft else { throw .truncated(missing: count * 2 - bytesLeft) }
        return count
    }

    /// Calls `read` with the number of each field in `fields` that is present; unknown ones are skipped. Also takes the
    /// values alone, as a list in the order of `fields`.
    mutating func readRecord(
        _ fields: [StaticString], _ read: (Int, inout MessagePackReader) throws(WireError) -> Void
    ) throws(WireError) {
        guard position < end else { throw .truncated(missing: 1) }
        switch bytes[position] {
        case 0x90...0x9F, 0xDC, 0xDD:
            for index in 0..<(try readArrayHeader()) {
                if index < fields.count { try read(index, &self) } else { try skip() }
            }
        default:
            for _ in 0..<(try readMapHeader()) {
                let index = try readKey(outOf: fields)
                if let index { try read(index, &self) } else { try skip() }
            }
        }
    }

    /// Reads the name of a field, without a copy. Returns its number; nil if it is none of `fields`.
    private mutating func readKey(outOf fields: [StaticString]) throws(WireError) -> Int? {
        guard let place = try readShortRaw() else {
            let key = try readRaw() ?? []
            return fields.firstIndex { field in field.withUTF8Buffer { unsafe $0.elementsEqual(key) } }
        }
        let key = bytes.span.extracting(place)
        return fields.firstIndex { $0.utf8CodeUnitCount == key.count && Self.isEqual($0, key) }
    }

    /// Both are equally long. Each field of each message comes by here: so several bytes at once, some of them twice.
    private static func isEqual(_ field: StaticString, _ key: Span<UInt8>) -> Bool {
        let end = key.count
        return unsafe key.withUnsafeBytes { key in
            /// With the number's size, `offset` is at most `end`.
            func isEqual<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Number.Type) -> Bool {
                unsafe UnsafeRawPointer(field.utf8Start).loadUnaligned(fromByteOffset: offset, as: type)
                    == key.loadUnaligned(fromByteOffset: offset, as: type)
            }
            if end >= 8 { return isEqual(at: 0, as: UInt64.self) && isEqual(at: end - 8, as: UInt64.self) }
            if end >= 4 { return isEqual(at: 0, as: UInt32.self) && isEqual(at: end - 4, as: UInt32.self) }
            return (0..<end).allSatisfy { isEqual(at: $0, as: UInt8.self) }
        }
    }

    /// Skips one value of any kind without recursion. When the bytes end inside it, says how many it takes at least.
    mutating func skip() throws(WireError) {
        var open = [1]  // Values still to come, per container around the position.
        while let remaining = open.last {
            guard remaining > 0 else {
                open.removeLast()
                continue
            }
            open[open.count - 1] = remaining - 1
            let missing = open.reduce(1, +) - bytesLeft
            guard missing <= 0 else { throw .truncated(missing: missing) }
            guard let children = try skipHead() else { continue }
            guard open.count <= Self.depthLimit else { throw .tooDeep }
            open.append(children)
        }
    }

    /// Skips a scalar, or the head of a container, whose number of values it returns.
    private mutating func skipHead() throws(WireError) -> Int? {
        let tag = try readByte()
        if let length = try readRawLength(tag) {
            try skip(bytes: length)
        } else if let count = try readArrayLength(tag) {
            return count
        } else if let count = try readMapLength(tag) {
            return count * 2
        } else {
            try skip(bytes: try scalarLength(tag))
        }
        return nil
    }

    private mutating func skip(bytes count: Int) throws(WireError) {
        guard count <= bytesLeft else { throw .truncated(missing: count - bytesLeft) }
        position += count
    }

    /// The bytes behind `tag` of a number, a bool, nil or an extension.
    private mutating func scalarLength(_ tag: UInt8) throws(WireError) -> Int {
        switch tag {
        case 0x00...0x7F, 0xE0...0xFF, 0xC0, 0xC2, 0xC3: 0
        case 0xCC, 0xD0: 1
        case 0xCD, 0xD1: 2
        case 0xCA, 0xCE, 0xD2: 4
        case 0xCB, 0xCF, 0xD3: 8
        case 0xD4...0xD8: 1 + (1 << Int(tag - 0xD4))
        case 0xC7: 1 + Int(try readBigEndian(1))
        case 0xC8: 1 + Int(try readBigEndian(2))
        case 0xC9: 1 + Int(try readBigEndian(4))
        default: throw .unexpectedType(tag)
        }
    }
}

/// The rule for names of members that we take in; the reference takes any bytes.
enum MemberName {
    static let limitBytes = 255

    /// Nil if the bytes are no acceptable name. The empty name passes: some fields may be empty.
    static func check(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count <= limitBytes, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        // Nearly always so, and quicker.
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        return String(validating: bytes, as: UTF8.self)
    }
}
