/// One thing that is wrong with a file.
public struct ConfigurationIssue: Hashable, Sendable {
    /// Nil if it is about the file as a whole.
    public var position: Position?
    /// The value in question, such as `routes[2].host`; empty for the document itself.
    public var path: String
    /// What is wrong, and what would be right.
    public var problem: String

    /// Escapes control characters: what reads a value may quote it as it is.
    init(_ problem: String, at position: Position?, _ path: Path) {
        self.position = position
        self.path = path.description
        self.problem = problem.withoutControls
    }
}

/// A file that is not what it should be: all that is wrong with it, in the order of the file.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Issues named at most; the rest is only counted.
    public static let limitIssues = 50

    public var file: String
    /// At least one, at most ``limitIssues``.
    public var issues: [ConfigurationIssue]
    /// Further ones.
    public var omitted = 0

    /// A line for each issue, as compilers write them: `balancer.yaml:12:9: default: found 5, expected …`.
    public var description: String {
        var lines = issues.map { issue in
            var line = file
            if let position = issue.position { line += ":\(position.line):\(position.column)" }
            return line + ": " + (issue.path.isEmpty ? "" : issue.path + ": ") + issue.problem
        }
        if omitted > 0 { lines.append("\(file): and \(omitted) more") }
        return lines.joined(separator: "\n")
    }
}

/// Gathers what is wrong while a document is read.
final class IssueList {
    private var issues: [ConfigurationIssue] = []
    private var omitted = 0

    func add(_ problem: String, at position: Position?, _ path: Path) {
        guard issues.count < ConfigurationError.limitIssues else { return omitted += 1 }
        issues.append(ConfigurationIssue(problem, at: position, path))
    }

    func add(_ problem: String, at node: Node) { add(problem, at: node.position, node.path) }

    /// Nil if there is none.
    func error(in file: String) -> ConfigurationError? {
        guard !issues.isEmpty else { return nil }
        let none = Position(line: 0, column: 0)
        let sorted = issues.sorted { ($0.position ?? none) < ($1.position ?? none) }
        return ConfigurationError(file: file, issues: sorted, omitted: omitted)
    }
}
