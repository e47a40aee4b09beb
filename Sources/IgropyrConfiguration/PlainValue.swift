/// A document of any shape, for those who only pass it on.
public enum PlainValue: Sendable, Hashable {
    case nothing
    /// `true` or `false`, unquoted.
    case bool(Bool)
    /// Everything else that is written in one piece, numbers too, as it is written.
    case text(String)
    case list([PlainValue])
    case mapping([String: PlainValue])

    init(_ node: Node) {
        switch node.content {
        case .nothing: self = .nothing
        case .scalar(let text, let isPlain): self = (isPlain ? Bool(text) : nil).map { .bool($0) } ?? .text(text)
        case .list(let nodes): self = .list(nodes.map { PlainValue($0) })
        case .mapping(let entries):
            let pairs = entries.map { ($0.key, PlainValue($0.value)) }
            self = .mapping(Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
        }
    }
}

extension Schema where Value == PlainValue {
    /// Whatever there is.
    public static var anything: Schema<PlainValue> {
        Schema(expected: "a value") { node, _ in PlainValue(node) }
    }
}
