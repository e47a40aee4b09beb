public import HTTPTypes
internal import Igropyr

/// Paths that are answered by a status of 400 or above, whatever stands there; the first pattern that fits counts.
/// Patterns are those of `CachePolicy`, without regard to case, as the ends of names are for handlers.
public struct PathRefusals: Sendable {
    private var patterns = FilePatterns<HTTPResponse.Status>()

    public init() {}

    var isEmpty: Bool { patterns.isEmpty }

    /// One after those there are.
    public mutating func add(_ pattern: String, _ status: HTTPResponse.Status) {
        patterns.add(pattern.lowercased(), status)
    }

    /// Others before these.
    public mutating func put(first others: PathRefusals) { patterns = others.patterns + patterns }

    /// - Throws: ``HTTPFailure`` if the path, without a slash before it, is one of them.
    func check(_ path: String) throws {
        guard !isEmpty, let status = patterns.value(for: path.lowercased()) else { return }
        throw HTTPFailure(status)
    }
}
