/// An expression taken apart.
indirect enum PatternTree {
    case step(Pattern.Step)
    case sequence([PatternTree])
    case choice([PatternTree])
    case repetition(PatternTree, atLeast: Int, atMost: Int?, isLazy: Bool)
    /// The first group.
    case group(PatternTree)

    private static let limitSteps = 700

    /// Nil if that takes too many steps.
    static func compile(_ tree: PatternTree) -> [Pattern.Step]? {
        var steps: [Pattern.Step] = []
        return tree.append(to: &steps) ? steps : nil
    }

    private func append(to steps: inout [Pattern.Step]) -> Bool {
        guard steps.count < Self.limitSteps else { return false }
        switch self {
        case .step(let step): steps.append(step)
        case .sequence(let parts):
            for part in parts { guard part.append(to: &steps) else { return false } }
        case .choice(let parts): return Self.append(choice: parts[...], to: &steps)
        case .group(let inner):
            steps.append(.mark(isEnd: false))
            guard inner.append(to: &steps) else { return false }
            steps.append(.mark(isEnd: true))
        case .repetition(let part, let least, let most, let isLazy):
            for _ in 0..<least { guard part.append(to: &steps) else { return false } }
            guard let most else { return part.append(asOption: isLazy, loops: true, to: &steps) }
            for _ in least..<max(least, most) {
                guard part.append(asOption: isLazy, loops: false, to: &steps) else { return false }
            }
        }
        return true
    }

    private static func append(choice parts: ArraySlice<PatternTree>, to steps: inout [Pattern.Step]) -> Bool {
        guard let first = parts.first else { return true }
        guard parts.count > 1 else { return first.append(to: &steps) }
        let split = steps.count
        steps.append(.split(split + 1, split))
        guard first.append(to: &steps) else { return false }
        let jump = steps.count
        steps.append(.jump(jump))
        steps[split] = .split(split + 1, steps.count)
        guard append(choice: parts.dropFirst(), to: &steps) else { return false }
        steps[jump] = .jump(steps.count)
        return true
    }

    /// Once or not at all, or again and again; preferably, or preferably not.
    private func append(asOption isLazy: Bool, loops: Bool, to steps: inout [Pattern.Step]) -> Bool {
        let split = steps.count
        steps.append(.split(split + 1, split))
        guard append(to: &steps) else { return false }
        if loops { steps.append(.jump(split)) }
        steps[split] = isLazy ? .split(steps.count, split + 1) : .split(split + 1, steps.count)
        return true
    }
}
