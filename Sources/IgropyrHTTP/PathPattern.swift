/// Which paths are meant: `/users/:id/files/**`. A ``Router`` finds the best of many patterns for a path; one alone is
/// asked by ``matches(_:)``.
///
/// ```swift
/// let images = try PathPattern("/img/*.png")
/// images.matches("/img/logo.png")  // true
/// ```
///
/// - a literal matches the segment that decodes to the same bytes; case counts
/// - `:name` matches one segment that is not empty, and keeps it
/// - `*` matches one byte or more of a segment, alone or with text before and after it (`img-*.png`), and keeps them
///   under the name `*`; the second one of a pattern is called `*2`, and so on. One for each segment.
/// - `**`, at the end only, matches the rest of the path, maybe nothing, and keeps it under the name `**`
///
/// Where several patterns match, the first segment in which they differ decides: literal before `*` with text (more
/// text before less) before parameter before `*` alone before `**`.
///
/// It does what the first edition's `par` did, more strictly: there `*` also stood for nothing, and text behind it
/// within a segment never matched.
public struct PathPattern: Sendable, Hashable, CustomStringConvertible {
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        public let pattern: String
        public let reason: String

        public var description: String { "path pattern \"\(pattern)\": \(reason)" }
    }

    enum Segment: Sendable, Hashable {
        case literal([UInt8])
        case parameter(String)
        /// `*` with text before it, after it, or both.
        case affixed(prefix: [UInt8], suffix: [UInt8])
        case wildcard
        case catchAll
    }

    public let description: String
    let segments: [Segment]

    /// - Throws: If the pattern does not begin with a slash, has two `*` in a segment, a `**` before the end, a
    ///   parameter without a name or twice, or a dot segment, which no path has; and for `{name}` and `:name.txt`,
    ///   which elsewhere are parameters.
    public init(_ pattern: String) throws(Failure) {
        guard pattern.hasPrefix("/") else { throw Failure(pattern: pattern, reason: "does not begin with a slash") }
        var segments: [Segment] = []
        for piece in pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard segments.last != .catchAll else { throw Failure(pattern: pattern, reason: "** is not at the end") }
            let segment = try Self.segment(piece, of: pattern)
            if case .parameter = segment, segments.contains(segment) {
                throw Failure(pattern: pattern, reason: "\(piece) comes twice")
            }
            segments.append(segment)
        }
        description = pattern
        self.segments = segments
    }

    private static func segment(_ piece: Substring, of pattern: String) throws(Failure) -> Segment {
        switch piece {
        case "**": return .catchAll
        case "*": return .wildcard
        case ".", "..": throw Failure(pattern: pattern, reason: "\(piece) is refused in every path")
        default: break
        }
        let isParameter = piece.hasPrefix(":")
        let affixes = piece.split(separator: "*", omittingEmptySubsequences: false)
        switch affixes.count {
        case 1: break
        case 2 where !isParameter: return .affixed(prefix: Array(affixes[0].utf8), suffix: Array(affixes[1].utf8))
        default: throw Failure(pattern: pattern, reason: "\(piece) has more than one variable part")
        }
        guard isParameter else {
            guard !piece.hasPrefix("{") || !piece.hasSuffix("}") else {
                throw Failure(pattern: pattern, reason: "a parameter is written as :name, not as \(piece)")
            }
            return .literal(Array(piece.utf8))
        }
        guard piece.count > 1 else { throw Failure(pattern: pattern, reason: "a parameter has no name") }
        guard piece.utf8.dropFirst().allSatisfy(\.mayStandInName) else {
            throw Failure(
                pattern: pattern, reason: "\(piece) is a whole segment, by its name; * stands for a part of one")
        }
        return .parameter(String(piece.dropFirst()))
    }
}

extension UInt8 {
    /// Letters, of any script, digits, `_` and `-`.
    fileprivate var mayStandInName: Bool {
        isLetter || isDigit || self == UInt8(ascii: "_") || self == UInt8(ascii: "-") || self >= 0x80
    }
}
