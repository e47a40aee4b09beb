/// A regular expression of a query's tag filter: the part of RE2's syntax that people use for tags.
///
/// Literals, `.`, `[…]`, `\d \w \s` and their opposites, `^`, `$`, groups, `|`, `*`, `+`, `?`, `{n,m}`, and `(?i)` in front; a
/// search, unless anchored. Everything else makes it nil, as a broken expression does. Matching takes time in proportion to
/// the expression times the text, whatever they are: all ways are walked at once, none is tried again.
struct TagPattern {
    private static let limitBytes = 256
    private static let limitSteps = 500
    private static let limitDepth = 16
    private static let limitRepeats = 100

    fileprivate enum Step {
        /// Takes one character; a class is a list of ranges.
        case take([ClosedRange<UInt32>], isInverted: Bool)
        case start
        case end
        /// Goes on at both.
        case split(Int, Int)
        case jump(Int)
    }

    private let steps: [Step]
    private let ignoresCase: Bool

    init?(_ expression: String) {
        guard expression.utf8.count <= Self.limitBytes else { return nil }
        var parser = Parser(expression)
        guard let tree = parser.parseAll() else { return nil }
        var steps: [Step] = []
        guard Self.compile(tree, into: &steps) else { return nil }
        self.steps = steps
        ignoresCase = parser.ignoresCase
    }

    // MARK: - Matching

    func matches(_ text: String) -> Bool {
        let characters = text.unicodeScalars.map(\.value)
        var present = Places(count: steps.count + 1)
        var next = present
        for place in 0...characters.count {
            follow(0, at: place, of: characters.count, into: &present)  // A match may begin anywhere.
            if present.contains(steps.count) { return true }
            guard place < characters.count else { return false }
            next.removeAll()
            for index in present.members {
                guard case .take(let ranges, let isInverted) = steps[index] else { continue }
                if takes(characters[place], ranges) != isInverted {
                    follow(index + 1, at: place + 1, of: characters.count, into: &next)
                }
            }
            swap(&present, &next)
        }
        return false
    }

    /// A set of steps that is emptied at no cost.
    private struct Places {
        private(set) var members: [Int] = []
        private var rounds: [Int]
        private var round = 1

        init(count: Int) { rounds = [Int](repeating: 0, count: count) }

        func contains(_ index: Int) -> Bool { rounds[index] == round }

        /// False if it was there.
        mutating func insert(_ index: Int) -> Bool {
            guard rounds[index] != round else { return false }
            rounds[index] = round
            members.append(index)
            return true
        }

        mutating func removeAll() {
            members.removeAll(keepingCapacity: true)
            round += 1
        }
    }

    private func takes(_ character: UInt32, _ ranges: [ClosedRange<UInt32>]) -> Bool {
        for range in ranges where range.contains(character) { return true }
        guard ignoresCase, let other = Self.otherCase(of: character) else { return false }
        return ranges.contains { $0.contains(other) }
    }

    private static func otherCase(of character: UInt32) -> UInt32? {
        switch character {
        case 0x41...0x5A: character + 0x20
        case 0x61...0x7A: character - 0x20
        default: nil
        }
    }

    /// Adds the step and all that can be reached from it without taking a character; each once, so no deeper than there
    /// are steps.
    private func follow(_ index: Int, at place: Int, of count: Int, into reached: inout Places) {
        guard reached.insert(index), index < steps.count else { return }
        switch steps[index] {
        case .take: break
        case .start: if place == 0 { follow(index + 1, at: place, of: count, into: &reached) }
        case .end: if place == count { follow(index + 1, at: place, of: count, into: &reached) }
        case .split(let first, let second):
            follow(first, at: place, of: count, into: &reached)
            follow(second, at: place, of: count, into: &reached)
        case .jump(let target): follow(target, at: place, of: count, into: &reached)
        }
    }

    // MARK: - Compiling

    fileprivate indirect enum Tree {
        case step(Step)
        case sequence([Tree])
        case choice([Tree])
        case repetition(Tree, atLeast: Int, atMost: Int?)
    }

    /// False if it takes too many steps.
    private static func compile(_ tree: Tree, into steps: inout [Step]) -> Bool {
        guard steps.count < limitSteps else { return false }
        switch tree {
        case .step(let step): steps.append(step)
        case .sequence(let parts):
            for part in parts { guard compile(part, into: &steps) else { return false } }
        case .choice(let parts): return compile(choice: parts[...], into: &steps)
        case .repetition(let part, let least, let most):
            for _ in 0..<least { guard compile(part, into: &steps) else { return false } }
            if let most {
                for _ in least..<max(least, most) { guard compile(optional: part, into: &steps) else { return false } }
            } else {
                let loop = steps.count
                guard compile(optional: part, into: &steps, backTo: loop) else { return false }
            }
        }
        return true
    }

    private static func compile(choice parts: ArraySlice<Tree>, into steps: inout [Step]) -> Bool {
        guard let first = parts.first else { return true }
        guard parts.count > 1 else { return compile(first, into: &steps) }
        let split = steps.count
        steps.append(.split(split + 1, split))
        guard compile(first, into: &steps) else { return false }
        let jump = steps.count
        steps.append(.jump(jump))
        steps[split] = .split(split + 1, steps.count)
        guard compile(choice: parts.dropFirst(), into: &steps) else { return false }
        steps[jump] = .jump(steps.count)
        return true
    }

    /// Once or not at all; with `loop`, again and again.
    private static func compile(optional part: Tree, into steps: inout [Step], backTo loop: Int? = nil) -> Bool {
        let split = steps.count
        steps.append(.split(split + 1, split))
        guard compile(part, into: &steps) else { return false }
        if let loop { steps.append(.jump(loop)) }
        steps[split] = .split(split + 1, steps.count)
        return true
    }

    // MARK: - Parsing

    private struct Parser {
        private let characters: [UInt32]
        private var position = 0
        private(set) var ignoresCase = false

        init(_ expression: String) {
            characters = expression.unicodeScalars.map(\.value)
            if characters.starts(with: "(?i)".unicodeScalars.map(\.value)) {
                ignoresCase = true
                position = 4
            }
        }

        mutating func parseAll() -> Tree? {
            guard let tree = parseChoice(depth: 0), position == characters.count else { return nil }
            return tree
        }

        private var next: UInt32? { position < characters.count ? characters[position] : nil }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard next == character.value else { return false }
            position += 1
            return true
        }

        private mutating func parseChoice(depth: Int) -> Tree? {
            guard depth < limitDepth else { return nil }
            var parts: [Tree] = []
            repeat {
                guard let part = parseSequence(depth: depth) else { return nil }
                parts.append(part)
            } while take("|")
            return .choice(parts)
        }

        private mutating func parseSequence(depth: Int) -> Tree? {
            var parts: [Tree] = []
            while let character = next, character != 0x7C, character != 0x29 {  // | and )
                guard let part = parseOne(depth: depth), let repeated = parseRepetition(of: part) else { return nil }
                parts.append(repeated)
            }
            return .sequence(parts)
        }

        private mutating func parseOne(depth: Int) -> Tree? {
            if take("^") { return .step(.start) }
            if take("$") { return .step(.end) }
            if take(".") { return .step(.take([0x0A...0x0A], isInverted: true)) }
            if take("[") { return parseClass() }
            if take("(") {
                if take("?") { guard take(":") else { return nil } }
                guard let inner = parseChoice(depth: depth + 1), take(")") else { return nil }
                return inner
            }
            if take("\\") { return parseEscape().map { .step(.take($0.ranges, isInverted: $0.isInverted)) } }
            guard let character = next, !"*+?{}]".unicodeScalars.contains(where: { $0.value == character }) else {
                return nil
            }
            position += 1
            return .step(.take([character...character], isInverted: false))
        }

        /// One of `*`, `+`, `?` and `{…}`, with a `?` for the shortest match, which is the same here; two of them are none.
        private mutating func parseRepetition(of part: Tree) -> Tree? {
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
            _ = take("?")
            if case .step(let step) = part {  // Nothing to be repeated.
                switch step {
                case .start, .end: return nil
                case .take, .split, .jump: break
                }
            }
            return .repetition(part, atLeast: range.least, atMost: range.most)
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
                guard (number ?? 0) <= limitRepeats else { return nil }
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
        private mutating func parseClass() -> Tree? {
            let isInverted = take("^")
            var ranges: [ClosedRange<UInt32>] = []
            var isFirst = true
            while isFirst || next != 0x5D {  // ], which stands for itself in front.
                guard let item = parseClassItem() else { return nil }
                isFirst = false
                ranges += item
            }
            guard take("]") else { return nil }
            return .step(.take(ranges, isInverted: isInverted))
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
}
