/// What somebody may have meant.
enum Suggestion {
    static func unknown(_ key: String, known: [String]) -> String {
        let text = "unknown key \"\(key.printable)\""
        if let nearest = nearest(to: key, in: known) { return "\(text); did you mean \"\(nearest)\"?" }
        let names = known.isEmpty ? "none" : known.sorted().joined(separator: ", ")
        return "\(text); known here: \(names)"
    }

    /// The candidate with the fewest edits, if those are at most a third of its letters; the first of several.
    static func nearest(to word: String, in candidates: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        let word = Array(word.lowercased().replacing("_", with: "-").utf8)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(word, Array(candidate.utf8))
            guard distance <= max(1, candidate.utf8.count / 3), distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best?.candidate
    }

    /// Letters to insert, drop, replace, or swap with a neighbour (Damerau's distance, without edits within a swap).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var (before, previous) = ([Int](), Array(0...right.count))
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var least = min(
                    previous[column + 1] + 1, current[column] + 1, previous[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            (before, previous) = (previous, current)
        }
        return previous[right.count]
    }
}
