/// What `Range` comes down to for a representation of known size (RFC 9110 §14.2).
///
/// Other units, what is no set of ranges, and sets that ask for too much are answered with the whole, as §14.2 allows.
public enum ByteRangeSet: Sendable, Hashable {
    case whole
    /// At least one, none of them empty; no two overlap or almost touch. In the order in which they were asked for.
    case parts([Range<Int>])
    /// None of the ranges begins within the representation: 416.
    case unsatisfiable

    /// Ranges with less than this between them become one: a part's own head costs more.
    static let gapBytes = 80

    /// - Parameters:
    ///   - field: the value of `Range`.
    ///   - size: of the representation, in bytes.
    ///   - maximumCount: ranges in one request; with more, or when they add up to more than `size`, the whole is sent.
    public init(_ field: String, size: Int, maximumCount: Int = 16) {
        self = .whole
        guard let specifiers = Self.specifiers(field, maximumCount), !specifiers.isEmpty else { return }
        var parts: [Range<Int>] = []
        var total = 0
        var isWhole = false
        for specifier in specifiers {
            switch specifier.resolve(size) {
            case .some(let part):
                parts.append(part)
                total += part.count
                isWhole = isWhole || part.isEmpty
            case nil: continue
            }
        }
        if parts.isEmpty {
            self = .unsatisfiable
        } else if total <= size, !isWhole {
            self = .parts(parts.count == 1 ? parts : Self.coalesced(parts))
        }
    }

    /// One range as it was asked for.
    private enum Specifier {
        case from(Int)
        case fromTo(Int, Int)
        case last(Int)

        /// Nil if it is unsatisfiable. Empty only for the end of an empty representation, which no 206 can tell.
        func resolve(_ size: Int) -> Range<Int>? {
            switch self {
            case .from(let first): first < size ? first..<size : nil
            case .fromTo(let first, let last): first < size ? first..<(min(last, size - 1) + 1) : nil
            case .last(let count): count > 0 ? max(0, size - count)..<size : nil
            }
        }
    }

    /// Nil if `field` breaks the grammar, or has too many.
    private static func specifiers(_ field: String, _ maximumCount: Int) -> [Specifier]? {
        guard let equals = field.utf8.firstIndex(of: UInt8(ascii: "=")), field[..<equals].lowercased() == "bytes"
        else { return nil }
        var specifiers: [Specifier] = []
        for element in field[field.utf8.index(after: equals)...].utf8.split(separator: UInt8(ascii: ",")) {
            let element = element.trimmedOfSpaces
            guard !element.isEmpty else { continue }  // Empty elements of a list count for nothing (§5.6.1.2).
            guard specifiers.count < maximumCount, let specifier = specifier(element) else { return nil }
            specifiers.append(specifier)
        }
        return specifiers
    }

    private static func specifier(_ text: Substring.UTF8View) -> Specifier? {
        guard let dash = text.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let (before, after) = (text[..<dash], text[text.index(after: dash)...])
        switch (number(before), number(after)) {
        case (let first?, let last?): return first <= last ? .fromTo(first, last) : nil
        case (let first?, nil): return after.isEmpty ? .from(first) : nil
        case (nil, let count?): return before.isEmpty ? .last(count) : nil
        case (nil, nil): return nil
        }
    }

    /// Nil for anything but digits. More than 18 of them are more than any file has.
    private static func number(_ text: Substring.UTF8View) -> Int? {
        guard !text.isEmpty else { return nil }
        var number = 0
        for byte in text {
            guard byte.isDigit else { return nil }
            number = number < 1 << 56 ? number * 10 + Int(byte & 0x0F) : number
        }
        return number
    }

    /// What overlaps or almost touches becomes one range, which takes the place of its first.
    private static func coalesced(_ parts: [Range<Int>]) -> [Range<Int>] {
        var merged: [(place: Int, range: Range<Int>)] = []
        for (place, range) in parts.enumerated().sorted(by: { $0.element.lowerBound < $1.element.lowerBound }) {
            if let last = merged.last, range.lowerBound < last.range.upperBound + gapBytes {
                let union = last.range.lowerBound..<max(last.range.upperBound, range.upperBound)
                merged[merged.count - 1] = (min(last.place, place), union)
            } else {
                merged.append((place, range))
            }
        }
        return merged.sorted { $0.place < $1.place }.map(\.range)
    }
}
