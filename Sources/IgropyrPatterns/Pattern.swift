/// A regular expression that takes time in proportion to itself times the text, whatever the two are: all ways are
/// walked at once, none is tried again. So it may be asked about what strangers send.
///
/// It reads the part of RE2's syntax that people use for names and paths: literals, `.`, `[…]`, `\d \w \s` and their
/// opposites, `^`, `$`, groups, `|`, `*`, `+`, `?`, `{n,m}`, each of the last four with a `?` for as few as possible,
/// and `(?i)` in front; a search, unless anchored. Everything else makes it nil, as a broken expression does.
public struct Pattern: Sendable, Hashable, CustomStringConvertible {
    /// Bytes of UTF-8 in an expression.
    public static let limitBytes = 256
    /// Bytes that ``firstGroup(in:)`` looks through. With the limits of expressions that keeps it below some
    /// milliseconds; usual ones take microseconds.
    public static let limitSubjectBytes = 1024

    enum Step: Sendable {
        case take(CharacterClass)
        case start
        case end
        /// Goes on at both, the first by preference.
        case split(Int, Int)
        case jump(Int)
        /// The first group begins or ends here.
        case mark(isEnd: Bool)
    }

    /// The expression, as it was given.
    public let description: String
    let steps: [Step]
    /// Whether there is a group that counts, so that ``firstGroup(in:)`` may find something.
    public let hasGroup: Bool

    public init?(_ expression: String) {
        guard expression.utf8.count <= Self.limitBytes else { return nil }
        var parser = PatternParser(expression)
        guard let tree = parser.parseAll(), let steps = PatternTree.compile(tree) else { return nil }
        self.steps = steps
        hasGroup = parser.hasGroup
        description = expression
    }

    public static func == (left: Pattern, right: Pattern) -> Bool { left.description == right.description }
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }

    /// Whether the text, taken as Unicode scalars, has a match.
    public func matches(_ text: String) -> Bool {
        var search = PatternSearch(steps)
        let characters = text.unicodeScalars.map(\.value)
        for place in 0...characters.count {
            search.arrive(at: place, isEnd: place == characters.count)
            if search.match != nil { return true }
            if place < characters.count { search.take(characters[place]) }
        }
        return false
    }

    /// Where the first group of the leftmost match lies; of several such matches the one that the expression prefers,
    /// as in Perl. Each byte is taken as a character. Where the expression repeats what may be empty without end, as
    /// `(a*)*` does, the preferences do not say which group it is: it may differ from Perl's, as RE2's may.
    ///
    /// - Returns: nil without a match, if the group has no part in it, or beyond ``limitSubjectBytes``.
    public func firstGroup(in text: Span<UInt8>) -> Range<Int>? {
        guard hasGroup, text.count <= Self.limitSubjectBytes else { return nil }
        var search = PatternSearch(steps)
        for place in 0...text.count {
            search.arrive(at: place, isEnd: place == text.count)
            guard search.isRunning, place < text.count else { break }
            search.take(UInt32(text[place]))
        }
        guard let marks = search.match, marks.start >= 0, marks.end >= marks.start else { return nil }
        return marks.start..<marks.end
    }
}
