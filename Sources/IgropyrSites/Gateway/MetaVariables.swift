internal import IgropyrHTTP

/// What a program is told of its request: CGI's meta-variables (RFC 3875 §4.1), and those that PHP and others go by.
///
/// All in one array, as FastCGI sends them: a request has thirty, and two strings each would cost more than all else
/// that is done for it.
struct MetaVariables {
    /// Of each the lengths of its name and of its value, then both (FastCGI 1.0 §3.4).
    private(set) var bytes: [UInt8]

    /// Of a variable's name and of its value.
    static let longestLengthsBytes = 8

    /// Has `write` append variables that are of `bytes` at most, with ``longestLengthsBytes`` for each.
    init(upTo bytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void) {
        self.bytes = [UInt8](capacity: bytes, initializingWith: write)
    }

    init(_ variables: [(name: String, value: String)] = []) {
        bytes = []
        for (name, value) in variables { append(name, value) }
    }

    mutating func append(_ name: String, _ value: String) {
        let (name, value) = (name.utf8.span, value.utf8.span)
        bytes.append(addingCapacity: Self.longestLengthsBytes + name.count + value.count) { output in
            output.append(lengthOfName: name.count, ofValue: value.count)
            unsafe output.append(name.bytes)
            unsafe output.append(value.bytes)
        }
    }

    /// Calls `body` with where a name and, behind it, its value are in ``bytes``, for one after the other. Each name is
    /// there once.
    func forEach(_ body: (_ name: Range<Int>, _ value: Range<Int>) -> Void) {
        var place = 0
        while place < bytes.count {
            let (nameCount, valueCount) = (length(at: &place), length(at: &place))
            let valueStart = place + nameCount
            let end = valueStart + valueCount
            body(place..<valueStart, valueStart..<end)
            place = end
        }
    }

    private func length(at place: inout Int) -> Int {
        let first = bytes[place]
        let end = place + (first < 0x80 ? 1 : 4)
        defer { place = end }
        return bytes[(place + 1)..<end].reduce(Int(first & 0x7F)) { $0 << 8 | Int($1) }
    }

    var dictionary: [String: String] {
        var values: [String: String] = [:]
        forEach { name, value in values[text(name)] = text(value) }
        return values
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

extension OutputSpan<UInt8> {
    /// What stands before a name and its value. Takes ``MetaVariables/longestLengthsBytes`` at most.
    @inline(__always) mutating func append(lengthOfName name: Int, ofValue value: Int) {
        append(length: name)
        append(length: value)
    }

    /// One byte up to 127, else four.
    @inline(__always) private mutating func append(length: Int) {
        guard length > 127 else { return append(UInt8(length)) }
        append(UInt8(truncatingIfNeeded: length >> 24) | 0x80)
        append(UInt8(truncatingIfNeeded: length >> 16))
        append(UInt8(truncatingIfNeeded: length >> 8))
        append(UInt8(truncatingIfNeeded: length))
    }
}
