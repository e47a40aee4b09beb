/// What a value of a configuration file must look like, and how it becomes a Swift value.
///
/// Schemas are made of schemas: scalars such as ``string`` or ``duration(in:)``, ``list(of:limit:)``,
/// ``mapping(keys:values:limit:)``, and ``section(_:)`` for a mapping with keys of its own. Reading goes on after an
/// error, so that one run tells all that is wrong:
///
/// ```swift
/// extension Schema where Value == Pool {
///     static let pool = Schema.section { section in
///         var pool = Pool()
///         section.read("size", .integer(in: 1...1024), into: &pool.size)
///         section.read("idle-time", .duration(in: .seconds(1)...(.seconds(3600))), into: &pool.idleTime)
///         return pool
///     }
/// }
/// let pool = try Schema.pool.read(bytes, file: "pool.yaml")
/// ```
public struct Schema<Value>: Sendable {
    /// In the words of an error, after "expected": `a number from 1 to 10`.
    public let expected: String
    /// Nil once it has added to the issues what is wrong.
    let convert: @Sendable (Node, IssueList) -> Value?

    init(expected: String, convert: @escaping @Sendable (Node, IssueList) -> Value?) {
        self.expected = expected
        self.convert = convert
    }

    /// Reads a whole document: UTF-8, one YAML document without anchors, aliases and tags, at most 1 MiB, in which
    /// lists and mappings are nested 24 deep at most. An empty one is an empty mapping.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - file: Its name, for errors.
    /// - Returns: What the document says.
    /// - Throws: All that is wrong with it.
    public func read(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> Value {
        let issues = IssueList()
        let value = DocumentParser(issues: issues).parse(bytes).flatMap { convert($0, issues) }
        if let error = issues.error(in: file) { throw error }
        guard let value else { preconditionFailure("a schema that refuses a value says why") }
        return value
    }

    // MARK: - Making schemas

    /// A text that `parse` takes; for types with a notation of their own.
    ///
    /// - Parameters:
    ///   - expected: Completes "expected": `a host name`.
    ///   - parse: Returns nil for a text that is none.
    /// - Returns: A schema of such texts.
    public static func text(
        _ expected: String, parse: @escaping @Sendable (String) -> Value?
    ) -> Schema<Value> {
        Schema(expected: expected) { node, issues in
            if case .scalar(let text, _) = node.content, let value = parse(text) { return value }
            issues.add("found \(node.found), expected \(expected)", at: node)
            return nil
        }
    }

    /// The same for a type whose errors say what is expected.
    public static func text<Failure: Error & CustomStringConvertible>(
        _ expected: String, parsing parse: @escaping @Sendable (String) throws(Failure) -> Value
    ) -> Schema<Value> {
        Schema(expected: expected) { node, issues in
            guard case .scalar(let text, _) = node.content else {
                issues.add("found \(node.found), expected \(expected)", at: node)
                return nil
            }
            do throws(Failure) {
                return try parse(text)
            } catch {
                issues.add(error.description, at: node)
                return nil
            }
        }
    }

    /// As this schema, then made into something else.
    public func map<Other>(_ transform: @escaping @Sendable (Value) -> Other) -> Schema<Other> {
        Schema<Other>(expected: expected) { node, issues in convert(node, issues).map(transform) }
    }

    /// As this schema, and `isValid`; `expected` says what that means.
    public func checked(
        _ expected: String, _ isValid: @escaping @Sendable (Value) -> Bool
    ) -> Schema<Value> {
        Schema(expected: expected) { node, issues in
            guard let value = convert(node, issues) else { return nil }
            if isValid(value) { return value }
            issues.add("found \(node.found), expected \(expected)", at: node)
            return nil
        }
    }

    /// The value with the place where it stands, to refer to later: see ``Section/refuse(_:_:)-(Located<Value>,_)``.
    public var located: Schema<Located<Value>> {
        Schema<Located<Value>>(expected: expected) { node, issues in
            convert(node, issues).map { Located(value: $0, position: node.position, path: node.path) }
        }
    }
}

/// A value that remembers where in its file it stands.
public struct Located<Value> {
    public let value: Value
    public let position: Position
    let path: Path

    /// For what shows only when the world is asked.
    public func error(_ problem: String, in file: String) -> ConfigurationError {
        ConfigurationError(file: file, issues: [ConfigurationIssue(problem, at: position, path)])
    }
}

extension Located: Sendable where Value: Sendable {}
