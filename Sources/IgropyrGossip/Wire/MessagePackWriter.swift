/// Writes the MessagePack dialect of memberlist: the *raw* family for text and bytes, never str 8 or bin, the shortest
/// integer.
///
/// Whoever writes a record writes its fields in ascending order of their names, as the reference does.
struct MessagePackWriter {
    private(set) var bytes: [UInt8]

    /// `messageType`: The byte in front of the value.
    init(messageType: UInt8) {
        bytes = []
        bytes.reserveCapacity(Self.usualBytes)
        bytes.append(messageType)
    }

    init() { bytes = [] }

    /// What most messages fit into, an ack with a coordinate for one.
    private static let usualBytes = 192

    /// Makes room for so many bytes more.
    mutating func reserve(bytes count: Int) { bytes.reserveCapacity(bytes.count + count) }

    mutating func append(raw: [UInt8]) { bytes += raw }

    mutating func writeMapHeader(_ count: Int) { writeHeader(count, short: 0x80, shortLimit: 15, wide: 0xDE) }

    mutating func writeArrayHeader(_ count: Int) { writeHeader(count, short: 0x90, shortLimit: 15, wide: 0xDC) }

    mutating func write(_ text: String) {
        writeHeader(text.utf8.count, short: 0xA0, shortLimit: 31, wide: 0xDA)
        bytes.append(contentsOf: text.utf8)
    }

    mutating func write(_ string: [UInt8]) {
        writeHeader(string.count, short: 0xA0, shortLimit: 31, wide: 0xDA)
        bytes += string
    }

    /// Nil where the byte string is absent.
    mutating func write(optional string: [UInt8]?) {
        if let string { write(string) } else { writeNil() }
    }

    mutating func writeNil() { bytes.append(0xC0) }

    mutating func write(_ bool: Bool) { bytes.append(bool ? 0xC3 : 0xC2) }

    mutating func write(_ number: some UnsignedInteger & FixedWidthInteger) {
        switch UInt64(number) {
        case 0...0x7F: bytes.append(UInt8(truncatingIfNeeded: number))
        case 0x80...0xFF: writeTagged(0xCC, UInt8(truncatingIfNeeded: number))
        case 0x100...0xFFFF: writeTagged(0xCD, UInt16(truncatingIfNeeded: number))
        case 0x1_0000...0xFFFF_FFFF: writeTagged(0xCE, UInt32(truncatingIfNeeded: number))
        default: writeTagged(0xCF, UInt64(number))
        }
    }

    mutating func write(_ number: Double) { writeTagged(0xCB, number.bitPattern) }

    /// A field, its name first.
    mutating func field(_ name: StaticString, _ value: String) {
        key(name)
        write(value)
    }

    mutating func field(_ name: StaticString, _ value: [UInt8]?) {
        key(name)
        write(optional: value)
    }

    mutating func field(_ name: StaticString, _ address: IPAddress?) {
        key(name)
        guard let address else { return writeNil() }
        bytes.append(address.isIPv4 ? 0xA4 : 0xB0)
        address.append(to: &bytes)
    }

    mutating func field(_ name: StaticString, _ versions: Versions?) {
        key(name)
        write(optional: versions?.bytes)
    }

    mutating func field(_ name: StaticString, _ value: Double) {
        key(name)
        write(value)
    }

    mutating func field(_ name: StaticString, _ value: Bool) {
        key(name)
        write(value)
    }

    mutating func field(_ name: StaticString, _ value: some UnsignedInteger & FixedWidthInteger) {
        key(name)
        write(value)
    }

    mutating func key(_ name: StaticString) {
        precondition(name.utf8CodeUnitCount < 0x20)  // A literal of ours.
        bytes.append(addingCapacity: 1 + name.utf8CodeUnitCount) { output in
            output.append(0xA0 | UInt8(name.utf8CodeUnitCount))
            name.withUTF8Buffer { text in
                for index in text.indices { output.append(unsafe text[index]) }
            }
        }
    }

    private mutating func writeHeader(_ count: Int, short: UInt8, shortLimit: Int, wide: UInt8) {
        switch count {
        case 0...shortLimit: bytes.append(short | UInt8(truncatingIfNeeded: count))
        case 0...0xFFFF: writeTagged(wide, UInt16(truncatingIfNeeded: count))
        default: writeTagged(wide + 1, UInt32(truncatingIfNeeded: count))
        }
    }

    private mutating func writeTagged(_ tag: UInt8, _ number: some FixedWidthInteger) {
        bytes.append(addingCapacity: 1 + MemoryLayout.size(ofValue: number)) { output in
            output.append(tag)
            output.append(bigEndian: number)
        }
    }
}

extension [UInt8] {
    mutating func append(bigEndian number: some FixedWidthInteger) {
        append(addingCapacity: MemoryLayout.size(ofValue: number)) { $0.append(bigEndian: number) }
    }
}

extension OutputSpan<UInt8> {
    fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
        var shift = number.bitWidth
        while shift > 0 {
            shift -= 8
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
