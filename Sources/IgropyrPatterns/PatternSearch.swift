/// A walk through a text on all ways at once, those that the expression prefers first (Thompson's and Pike's machine).
///
/// For each place of the text, beginning with 0, call ``arrive(at:isEnd:)``; then, while ``isRunning`` and not at the
/// end, ``take(_:)`` with the character that stands there.
struct PatternSearch {
    /// The bounds of the first group; -1 where it has not come yet.
    struct Marks {
        var start = -1
        var end = -1
    }

    private struct Way {
        var step: Int
        var marks: Marks
    }

    private let steps: [Pattern.Step]
    /// What the last character led to, in the order of preference; not followed yet.
    private var arrived: [Way] = []
    /// Steps that take a character here, or the end of all, each with the marks of the way that reached it first.
    private var present: [Way] = []
    /// For each step the round in which it was last reached: a set that is emptied at no cost.
    private var rounds: [Int]
    private var round = 0
    /// The best match so far; ways that are preferred to it may still find another.
    private(set) var match: Marks?

    init(_ steps: [Pattern.Step]) {
        self.steps = steps
        rounds = [Int](repeating: 0, count: steps.count + 1)
    }

    /// Whether a further character can change anything.
    var isRunning: Bool { match == nil || !present.isEmpty }

    /// Follows what takes no character at this place; unless something matched before, a match may begin here, too.
    mutating func arrive(at place: Int, isEnd: Bool) {
        round += 1
        present.removeAll(keepingCapacity: true)
        for way in arrived { follow(way.step, way.marks, at: place, isEnd: isEnd) }
        if match == nil { follow(0, Marks(), at: place, isEnd: isEnd) }
        guard let final = present.firstIndex(where: { $0.step == steps.count }) else { return }
        match = present[final].marks
        present.removeSubrange(final...)
    }

    mutating func take(_ character: UInt32) {
        arrived.removeAll(keepingCapacity: true)
        for way in present {
            guard case .take(let characters) = steps[way.step], characters.contains(character) else { continue }
            arrived.append(Way(step: way.step + 1, marks: way.marks))
        }
    }

    /// Adds the step and all that can be reached from it without taking a character; each once, so no deeper than there
    /// are steps.
    private mutating func follow(_ step: Int, _ marks: Marks, at place: Int, isEnd: Bool) {
        guard rounds[step] != round else { return }
        rounds[step] = round
        guard step < steps.count else { return present.append(Way(step: step, marks: marks)) }
        switch steps[step] {
        case .take: present.append(Way(step: step, marks: marks))
        case .start: if place == 0 { follow(step + 1, marks, at: place, isEnd: isEnd) }
        case .end: if isEnd { follow(step + 1, marks, at: place, isEnd: isEnd) }
        case .split(let first, let second):
            follow(first, marks, at: place, isEnd: isEnd)
            follow(second, marks, at: place, isEnd: isEnd)
        case .jump(let target): follow(target, marks, at: place, isEnd: isEnd)
        case .mark(let isEndOfGroup):
            var marks = marks
            if isEndOfGroup { marks.end = place } else { marks = Marks(start: place, end: -1) }
            follow(step + 1, marks, at: place, isEnd: isEnd)
        }
    }
}
