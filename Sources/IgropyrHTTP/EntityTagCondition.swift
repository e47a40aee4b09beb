/// What `If-Match` or `If-None-Match` lists (RFC 9110 §13.1.1).
public enum EntityTagCondition: Sendable, Hashable {
    /// `*`: any version at all.
    case any
    case tags([EntityTag])

    /// Reads the value of a field line. What is no tag is skipped up to the next comma: it can match nothing, which is
    /// the cautious answer in both fields.
    public init(_ value: String) {
        guard value != "*" else { self = .any; return }
        var tags: [EntityTag] = []
        var rest = Substring(value)
        while !rest.isEmpty {
            rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "," }
            var after = rest
            if let tag = EntityTag.take(from: &after), Self.isAtEndOfElement(after) { tags.append(tag) }
            guard let comma = after.firstIndex(of: ",") else { break }
            rest = after[after.index(after: comma)...]
        }
        self = .tags(tags)
    }

    private static func isAtEndOfElement(_ text: Substring) -> Bool {
        text.first { $0 != " " && $0 != "\t" }.map { $0 == "," } ?? true
    }

    /// The condition of two field lines together.
    func joined(with other: EntityTagCondition) -> EntityTagCondition {
        guard case .tags(let left) = self, case .tags(let right) = other else { return .any }
        return .tags(left + right)
    }

    /// For `If-Match`: by the strong comparison. A nil tag is a version without one.
    func matchesStrongly(_ tag: EntityTag?) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tag.map { tag in tags.contains { $0.matchesStrongly(tag) } } ?? false
        }
    }

    /// For `If-None-Match`: by the weak comparison.
    func matchesWeakly(_ tag: EntityTag?) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tag.map { tag in tags.contains { $0.matchesWeakly(tag) } } ?? false
        }
    }
}
