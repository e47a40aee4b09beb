public import HTTPTypes
internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrText

/// Sends some paths elsewhere.
public struct PathRule: Sendable {
    public let pattern: PathGlob
    /// Where to: a path, or for redirects a whole URL. Each `*`, or `**`, is what that of the pattern stood for, in
    /// their order.
    public let target: String
    /// What stands between its stars.
    private let targetParts: [String]
    /// Of a redirect: 301, 302, 303, 307 or 308.
    public var status: HTTPResponse.Status

    /// What is wrong with a rule.
    public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    public init(
        _ pattern: String, to target: String, status: HTTPResponse.Status = .movedPermanently
    ) throws(Invalid) {
        self.pattern = try PathGlob(pattern)
        self.target = target
        targetParts = target.replacing("**", with: "*").split(separator: "*", omittingEmptySubsequences: false)
            .map(String.init)
        self.status = status
        let isPath = target.hasPrefix("/") && !target.hasPrefix("//")
        guard isPath || target.hasPrefix("https://") || target.hasPrefix("http://"),
            target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else {
            throw Invalid(description: "expected a target in visible ASCII that begins with /, http:// or https://")
        }
        let stars = targetParts.count - 1
        guard stars <= self.pattern.stars else {
            throw Invalid(description: "the target has \(stars) stars, the pattern only \(self.pattern.stars)")
        }
        let authority = target.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(2).first
        // Browsers take what comes next for the host where it is empty.
        guard isPath || authority?.isEmpty == false && authority?.contains("*") == false else {
            throw Invalid(description: "no part of the path may choose the host: write the host out")
        }
    }

    /// Whether it is meant for its own target, on the same site.
    var leadsToItself: Bool {
        guard target.hasPrefix("/"), !target.contains("*") else { return false }
        return pattern.match(String(target.dropFirst().prefix { $0 != "?" }).pathNames) != nil
    }

    /// Nil if the path is not meant. Takes its names decoded; parts of it are escaped again.
    func destination(of names: [String], query: String?) -> String? {
        guard let parts = pattern.match(names) else { return nil }
        var destination = ""
        for (index, text) in targetParts.enumerated() {
            if index > 0 {
                destination += parts[index - 1].pathNames.map(PercentEncoding.encode).joined(separator: "/")
            }
            destination += text
        }
        // What a star stands for may begin with a slash, and two would begin the name of a host.
        while destination.hasPrefix("//") { destination.removeFirst() }
        guard let query, !destination.contains("?") else { return destination }
        return destination + "?" + query
    }
}

/// Paths with stars in them: `*` is a part of one name, `**` at the end is the rest, also of several names. A star is
/// one whatever mark stands behind it: paths are bytes.
public struct PathGlob: Sendable, Hashable {
    private let segments: [Segment]
    private let hasRest: Bool

    private enum Segment: Sendable, Hashable {
        case literal(String)
        case star(before: String, after: String)
    }

    var stars: Int {
        segments.count { if case .star = $0 { true } else { false } } + (hasRest ? 1 : 0)
    }

    init(_ text: String) throws(PathRule.Invalid) {
        guard text.utf8.first == UInt8(ascii: "/") else {
            throw PathRule.Invalid(description: "expected a path that begins with /")
        }
        var names = Array(text.pathNames.dropFirst())
        hasRest = names.last == "**"
        if hasRest { names.removeLast() }
        var segments: [Segment] = []
        for name in names {
            let parts = name.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            guard parts.count <= 2 else {
                throw PathRule.Invalid(description: "expected at most one * in each name, and ** only at the end")
            }
            segments.append(parts.count == 2 ? .star(before: parts[0], after: parts[1]) : .literal(name))
        }
        self.segments = segments
    }

    /// What the stars stand for; nil if the path with these names does not fit.
    func match(_ names: [String]) -> [String]? {
        guard names.count >= segments.count, hasRest || names.count == segments.count else { return nil }
        var parts: [String] = []
        for (segment, name) in zip(segments, names) {
            switch segment {
            case .literal(let text): guard text == name else { return nil }
            case .star(let before, let after):
                let (name, before, after) = (name.utf8, before.utf8, after.utf8)
                guard name.count >= before.count + after.count, name.starts(with: before),
                    name.suffix(after.count).elementsEqual(after)
                else { return nil }
                parts.append(String(Substring(name.dropFirst(before.count).dropLast(after.count))))
            }
        }
        guard hasRest else { return parts }
        return parts + [names.dropFirst(segments.count).joined(separator: "/")]
    }
}
