/// A mapping with known keys, as ``Schema/section(_:)`` lends it: ask for each key that there may be.
///
/// Values that are wrong are noted and read as if they were absent. It is of no use once the closure has returned.
public final class Section {
    private let node: Node
    private let entries: [String: Node.Entry]
    private let order: [Node.Entry]
    private let issues: IssueList
    /// In the order in which they were asked for.
    private var known: [String] = []
    private var hasIssues = false

    init(_ node: Node, _ entries: [Node.Entry], _ issues: IssueList) {
        self.node = node
        self.issues = issues
        order = entries
        self.entries = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The value of `key`; nil if it is absent or wrong.
    public func value<Value>(_ key: String, _ schema: Schema<Value>) -> Value? {
        known.append(key)
        guard let entry = entries[key] else { return nil }
        let value = schema.convert(entry.value, issues)
        if value == nil { hasIssues = true }
        return value
    }

    /// The same, where its absence is wrong.
    public func require<Value>(_ key: String, _ schema: Schema<Value>) -> Value? {
        if !has(key) { refuse("the key \"\(key)\" is missing, expected \(schema.expected)") }
        return value(key, schema)
    }

    /// Leaves `target` as it is if the key is absent.
    public func read<Value>(_ key: String, _ schema: Schema<Value>, into target: inout Value) {
        if let value = value(key, schema) { target = value }
    }

    /// Leaves `target` as it is if the key is absent.
    public func read<Value>(_ key: String, _ schema: Schema<Value>, into target: inout Value?) {
        if let value = value(key, schema) { target = value }
    }

    /// Whether the file has the key, right or wrong.
    public func has(_ key: String) -> Bool { entries[key] != nil }

    /// Whether nothing that was asked for so far is wrong.
    public var isSound: Bool { !hasIssues }

    /// Notes that the value of `key` does not go with others. If the key is absent, it is said of the whole mapping.
    public func refuse(_ key: String, _ problem: String) {
        hasIssues = true
        guard let value = entries[key]?.value else { return issues.add(problem, at: node) }
        issues.add(problem, at: value)
    }

    /// Notes that a value read earlier is wrong after all.
    public func refuse<Value>(_ value: Located<Value>, _ problem: String) {
        hasIssues = true
        issues.add(problem, at: value.position, value.path)
    }

    /// Notes that the mapping as a whole is wrong.
    public func refuse(_ problem: String) {
        hasIssues = true
        issues.add(problem, at: node)
    }

    /// Notes it if more than one of `keys` is there.
    public func refuseTogether(_ keys: String...) {
        let present = keys.filter(has)
        guard present.count > 1 else { return }
        refuse(present[1], "\"\(present[0])\" and \"\(present[1])\" exclude each other")
    }

    func refuseUnknownKeys() {
        for entry in order where !known.contains(entry.key) {
            hasIssues = true
            issues.add(Suggestion.unknown(entry.key, known: known), at: entry.keyPosition, node.path)
        }
    }

    /// A closure that returns nil for a reason of its own is still an error of the file.
    func explainAbsence() {
        if !hasIssues { issues.add("is incomplete", at: node) }
    }
}
