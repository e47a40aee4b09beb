internal import IgropyrHTTP

/// What a program is told of its request: CGI's meta-variables (RFC 3875 §4.1), and those that PHP and others go by.
///
/// All in one array, as FastCGI sends them: a request has thirty, and two strings each would cost more than all else that is
/// done for it.
struct MetaVariables {
    /// Of each the lengths of its name and of its value, then both (FastCGI 1.0 §3.4).
    private(set) var bytes: [UInt8] = []

    /// What most requests need.
    private static let usualBytes = 1024
    /// Of a variable's name and of its value.
    private static let longestLengthsBytes = 8

    init(_ variables: [(name: String, value: String)] = []) {
        bytes.reserveCapacity(Self.usualBytes)
        for (name, value) in variables { append(name, value) }
    }

    /// Calls `body` with where a name and, behind it, its value are in ``bytes``, for one after the other. Each name is there
    /// once.
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

    // MARK: - Writing

    /// Has `write` append a name and a value, of so many bytes in all.
    @inline(__always) mutating func append(
        _ nameCount: Int, _ valueCount: Int, _ write: (inout OutputSpan<UInt8>) -> Void
    ) {
        bytes.append(addingCapacity: Self.longestLengthsBytes + nameCount + valueCount) { output in
            output.append(length: nameCount)
            output.append(length: valueCount)
            write(&output)
        }
    }

    /// The value is the texts, one behind the other.
    mutating func append(_ name: String, _ first: String, _ second: String = "", _ third: String = "") {
        append(name.utf8.count, first.utf8.count + second.utf8.count + third.utf8.count) { output in
            output.append(text: name)
            output.append(text: first)
            output.append(text: second)
            output.append(text: third)
        }
    }
}

extension OutputSpan<UInt8> {
    /// One byte up to 127, else four.
    @inline(__always) fileprivate mutating func append(length: Int) {
        guard length > 127 else { return append(UInt8(length)) }
        append(UInt8(truncatingIfNeeded: length >> 24) | 0x80)
        append(UInt8(truncatingIfNeeded: length >> 16))
        append(UInt8(truncatingIfNeeded: length >> 8))
        append(UInt8(truncatingIfNeeded: length))
    }

    fileprivate mutating func append(text: String) {
        let text = text.utf8.span
        unsafe append(text.bytes)
    }
}
