/// Reads an expression; nil for what is broken, or beyond us.
struct PatternParser {
    private static let limitDepth = 16
    private static let limitRepeats = 100

    private let characters: [UInt32]
    private var position = 0
    private var ignoresCase = false
    /// Whether a group that counts has been met.
    private(set) var hasGroup = false

    init(_ expression: String) {
        characters = expression.unicodeScalars.map(\.value)
        if characters.starts(with: "(?i)".unicodeScalars.map(\.value)) {
            ignoresCase = true
            position = 4
        }
    }

    mutating func parseAll() -> PatternTree? {
        guard let tree = parseChoice(depth: 0), position == characters.count else { return nil }
        return tree
    }

    private var next: UInt32? { position < characters.count ? characters[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == character.value else { return false }
        position += 1
        return true
    }

    private mutating func parseChoice(depth: Int) -> PatternTree? {
        guard depth < Self.limitDepth else { return nil }
        var parts: [PatternTree] = []
        repeat {
            guard let part = parseSequence(depth: depth) else { return nil }
            parts.append(part)
        } while take("|")
        return .choice(parts)
    }

    private mutating func parseSequence(depth: Int) -> PatternTree? {
        var parts: [PatternTree] = []
        while let character = next, character != 0x7C, character != 0x29 {  // | and )
            guard let part = parseOne(depth: depth), let repeated = parseRepetition(of: part) else { return nil }
            parts.append(repeated)
        }
        return .sequence(parts)
    }

    private mutating func parseOne(depth: Int) -> PatternTree? {
        if take("^") { return .step(.start) }
        if take("$") { return .step(.end) }
        if take(".") { return character([0x0A...0x0A], isInverted: true) }
        if take("[") { return parseClass() }
        if take("(") { return parseGroup(depth: depth + 1) }
        if take("\\") { return parseEscape().map { character($0.ranges, isInverted: $0.isInverted) } }
        guard let literal = next, !"*+?{}]".unicodeScalars.contains(where: { $0.value == literal }) else { return nil }
        position += 1
        return character([literal...literal])
    }

    private func character(_ ranges: [ClosedRange<UInt32>], isInverted: Bool = false) -> PatternTree {
        .step(.take(CharacterClass(ranges, isInverted: isInverted, ignoresCase: ignoresCase)))
    }

    /// After the bracket. Groups count in the order in which they begin; only the first is remembered.
    private mutating func parseGroup(depth: Int) -> PatternTree? {
        var isFirst = false
        if take("?") {
            guard take(":") else { return nil }
        } else {
            isFirst = !hasGroup
            hasGroup = true
        }
        guard let inner = parseChoice(depth: depth), take(")") else { return nil }
        return isFirst ? .group(inner) : inner
    }

    /// One of `*`, `+`, `?` and `{…}`, with a `?` for as few as possible; two of them are none.
    private mutating func parseRepetition(of part: PatternTree) -> PatternTree? {
        let range: (least: Int, most: Int?)
        if take("*") {
            range = (0, nil)
        } else if take("+") {
            range = (1, nil)
        } else if take("?") {
            range = (0, 1)
        } else if take("{") {
            guard let counts = parseCounts() else { return nil }
            range = counts
        } else {
            return part
        }
        let isLazy = take("?")
        if case .step(let step) = part {  // Nothing to be repeated.
            switch step {
            case .start, .end: return nil
            case .take, .split, .jump, .mark: break
            }
        }
        return .repetition(part, atLeast: range.least, atMost: range.most, isLazy: isLazy)
    }

    private mutating func parseCounts() -> (Int, Int?)? {
        guard let least = parseNumber() else { return nil }
        if take("}") { return (least, least) }
        guard take(",") else { return nil }
        if take("}") { return (least, nil) }
        guard let most = parseNumber(), most >= least, take("}") else { return nil }
        return (least, most)
    }

    private mutating func parseNumber() -> Int? {
        var number: Int?
        while let character = next, (0x30...0x39).contains(character) {
            position += 1
            number = (number ?? 0) * 10 + Int(character - 0x30)
            guard (number ?? 0) <= Self.limitRepeats else { return nil }
        }
        return number
    }

    private typealias Class = (ranges: [ClosedRange<UInt32>], isInverted: Bool)

    private mutating func parseEscape() -> Class? {
        guard let character = next.flatMap(Unicode.Scalar.init) else { return nil }
        position += 1
        let digits: [ClosedRange<UInt32>] = [0x30...0x39]
        let word: [ClosedRange<UInt32>] = digits + [0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
        let space: [ClosedRange<UInt32>] = [0x09...0x0A, 0x0C...0x0D, 0x20...0x20]
        switch character {
        case "d": return (digits, false)
        case "D": return (digits, true)
        case "w": return (word, false)
        case "W": return (word, true)
        case "s": return (space, false)
        case "S": return (space, true)
        case "t": return ([9...9], false)
        case "n": return ([10...10], false)
        default:
            // Punctuation stands for itself; letters and digits would mean something.
            guard character.isASCII, !word.contains(where: { $0.contains(character.value) }) || character == "_"
            else { return nil }
            return ([character.value...character.value], false)
        }
    }

    /// After the bracket.
    private mutating func parseClass() -> PatternTree? {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while isFirst || next != 0x5D {  // ], which stands for itself in front.
            guard let item = parseClassItem() else { return nil }
            isFirst = false
            ranges += item
        }
        guard take("]") else { return nil }
        return character(ranges, isInverted: isInverted)
    }

    private mutating func parseClassItem() -> [ClosedRange<UInt32>]? {
        if take("\\") {
            guard let escape = parseEscape(), !escape.isInverted else { return nil }
            return escape.ranges
        }
        let second = characters.dropFirst(position + 1).first
        guard let first = next, first != 0x5B || second != 0x3A else { return nil }  // [:alpha:] and the like.
        position += 1
        guard next == 0x2D, let last = characters.dropFirst(position + 1).first, last != 0x5D else {
            return [first...first]
        }
        guard last != 0x5C, last >= first else { return nil }
        position += 2
        return [first...last]
    }
}
