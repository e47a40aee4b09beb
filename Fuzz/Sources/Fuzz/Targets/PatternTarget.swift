@testable import IgropyrPatterns

/// An expression, then after a line feed a text, each byte of it a character.
enum PatternTarget: FuzzTarget {
    static let name = "pattern"

    static func run(_ input: [UInt8]) {
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let expression = String(decoding: parts[0], as: UTF8.self)
        guard let pattern = Pattern(expression) else { return }
        require(expression.utf8.count <= Pattern.limitBytes, "an expression is longer than it may be")
        let text = Array((parts.count > 1 ? parts[1] : []).prefix(Pattern.limitSubjectBytes))
        let group = pattern.firstGroup(in: text.span)
        let isFound = pattern.matches(String(String.UnicodeScalarView(text.map { Unicode.Scalar($0) })))
        require(group == nil || isFound && pattern.hasGroup, "a group of no match")
        require(group.map { $0.upperBound <= text.count } ?? true, "a group is not within the text")
        var parser = PatternParser(expression)
        guard let tree = parser.parseAll() else { fatalError("an expression is read once only") }
        var slow = Backtracker(text)
        let match = slow.search(tree)
        guard !slow.isExhausted else { return }
        require(isFound == (match != nil), "what matches depends on the way of searching")
        guard !tree.repeatsWhatMayBeEmpty else { return }
        let expected = match.flatMap { $0.end >= $0.start && $0.start >= 0 ? $0.start..<$0.end : nil }
        require(group == (pattern.hasGroup ? expected : nil), "the group depends on the way of searching")
    }
}

extension PatternTree {
    /// Whether something that may match nothing is repeated without end, as `(a*)*`: how often nothing is taken then is
    /// not said by the preferences, and those who search in different ways differ in the group.
    fileprivate var repeatsWhatMayBeEmpty: Bool {
        switch self {
        case .step: false
        case .sequence(let parts), .choice(let parts): parts.contains(where: \.repeatsWhatMayBeEmpty)
        case .repetition(let part, _, let most, _): part.repeatsWhatMayBeEmpty || most == nil && part.mayBeEmpty
        case .group(let inner): inner.repeatsWhatMayBeEmpty
        }
    }

    private var mayBeEmpty: Bool {
        switch self {
        case .step(.take): false
        case .step: true
        case .sequence(let parts): parts.allSatisfy(\.mayBeEmpty)
        case .choice(let parts): parts.contains(where: \.mayBeEmpty)
        case .repetition(let part, let least, _, _): least == 0 || part.mayBeEmpty
        case .group(let inner): inner.mayBeEmpty
        }
    }
}

/// Searches as Perl does, one way after the other; gives up when that takes too long.
private struct Backtracker {
    private typealias Marks = PatternSearch.Marks
    private let text: [UInt8]
    private var budget = 20_000
    private(set) var isExhausted = false

    init(_ text: [UInt8]) { self.text = text }

    /// The first group's bounds in the leftmost match.
    mutating func search(_ tree: PatternTree) -> PatternSearch.Marks? {
        for start in 0...text.count {
            if let marks = match(tree, at: start, Marks(), { _, _, marks in marks }) { return marks }
        }
        return nil
    }

    private mutating func match(
        _ tree: PatternTree, at place: Int, _ marks: Marks, _ goOn: (inout Self, Int, Marks) -> Marks?
    ) -> Marks? {
        budget -= 1
        guard budget > 0 else {
            isExhausted = true
            return nil
        }
        switch tree {
        case .step(let step): return take(step, at: place).flatMap { goOn(&self, $0, marks) }
        case .sequence(let parts): return match(parts[...], at: place, marks, goOn)
        case .choice(let parts):
            for part in parts { if let found = match(part, at: place, marks, goOn) { return found } }
            return nil
        case .group(let inner):
            return match(inner, at: place, Marks(start: place, end: -1)) { search, end, marks in
                goOn(&search, end, Marks(start: marks.start, end: end))
            }
        case .repetition(let part, let least, let most, let isLazy):
            let rest = Repetition(part: part, least: least, most: most, isLazy: isLazy)
            return rest.match(&self, count: 0, at: place, marks, goOn)
        }
    }

    private func take(_ step: Pattern.Step, at place: Int) -> Int? {
        switch step {
        case .take(let characters):
            place < text.count && characters.contains(UInt32(text[place])) ? place + 1 : nil
        case .start: place == 0 ? place : nil
        case .end: place == text.count ? place : nil
        case .split, .jump, .mark: fatalError("no step of a tree")
        }
    }

    private mutating func match(
        _ parts: ArraySlice<PatternTree>, at place: Int, _ marks: Marks, _ goOn: (inout Self, Int, Marks) -> Marks?
    ) -> Marks? {
        guard let first = parts.first else { return goOn(&self, place, marks) }
        return match(first, at: place, marks) { search, end, marks in
            search.match(parts.dropFirst(), at: end, marks, goOn)
        }
    }

    private struct Repetition {
        let part: PatternTree
        let least: Int
        let most: Int?
        let isLazy: Bool

        func match(
            _ search: inout Backtracker, count: Int, at place: Int, _ marks: Marks,
            _ goOn: (inout Backtracker, Int, Marks) -> Marks?
        ) -> Marks? {
            if count >= least, isLazy, let found = goOn(&search, place, marks) { return found }
            if count < max(least, most ?? .max) {
                let found = search.match(part, at: place, marks) { search, end, marks in
                    // What is without end goes round only for something.
                    guard end > place || count < least || most != nil else { return nil }
                    return match(&search, count: count + 1, at: end, marks, goOn)
                }
                if let found { return found }
            }
            return count >= least && !isLazy ? goOn(&search, place, marks) : nil
        }
    }
}
