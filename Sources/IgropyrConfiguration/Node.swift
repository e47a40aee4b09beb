/// A value of a document, as it was written: what it means is for a ``Schema`` to say.
struct Node: Sendable {
    enum Content: Sendable {
        /// Nothing after the colon or the dash, or `null`, or `~`.
        case nothing
        case scalar(String, isPlain: Bool)
        case list([Node])
        /// In the order of the file; no key twice.
        case mapping([Entry])
    }

    struct Entry: Sendable {
        var key: String
        var keyPosition: Position
        var value: Node
    }

    var content: Content
    var position: Position
    var path: Path

    /// How an error names what it has found.
    var found: String {
        switch content {
        case .nothing: "nothing"
        case .scalar(let text, isPlain: true): text.printable
        case .scalar(let text, isPlain: false): "\"\(text.printable)\""
        case .list(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .mapping(let entries): entries.isEmpty ? "an empty mapping" : "a mapping"
        }
    }
}
