/// What the fuzzer made up, taken from the front: choices first, then what a peer would send.
struct Input {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    var isEmpty: Bool { bytes.isEmpty }
    /// All that was not taken yet.
    var rest: [UInt8] { Array(bytes) }

    /// 0 at the end.
    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// Big-endian.
    mutating func word() -> Int { Int(byte()) << 8 | Int(byte()) }

    /// As many bytes as a word before them says, or as there are.
    mutating func piece() -> [UInt8] {
        let count = word()
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    /// The sizes of the pieces in which a peer's bytes may arrive: all at once, one by one, and one between.
    mutating func steps() -> [Int] { [.max, 1, max(2, Int(byte()))] }
}

/// Traps, with its place, when a promise is broken. A `precondition` of optimised code says nothing.
func require(
    _ holds: Bool, _ otherwise: String = "a promise is broken", file: StaticString = #fileID, line: UInt = #line
) {
    if !holds { fatalError(otherwise, file: file, line: line) }
}

extension Sequence {
    /// The same for every element, or a trap.
    func agree<Outcome: Equatable>(on outcome: (Element) -> Outcome) -> Outcome? {
        var first: Outcome?
        for element in self {
            let next = outcome(element)
            if let first { require(next == first, "it depends on the cut: \(first), but \(next)") }
            first = next
        }
        return first
    }
}
