internal import Yams

/// Takes YAML apart. The rest of the target knows nothing of the library that does it.
///
/// A document is a tree here: anchors, aliases and tags are refused, since they let a few lines stand for gigabytes,
/// and a reader for one thing in two places. Scalars stay text: a schema, not a guess, decides whether `on` or `1.10`
/// is a word.
struct DocumentParser {
    static let limitBytes = 1 << 20
    /// Lists and mappings within each other.
    static let limitDepth = 24
    static let limitKeyBytes = 256

    let issues: IssueList

    /// Nil if it cannot be read at all; the reason is then among the issues, as are parts that were left out.
    func parse(_ bytes: [UInt8]) -> Node? {
        guard bytes.count <= Self.limitBytes else {
            return refuse("\(bytes.count) bytes are too many, at most \(Self.limitBytes) are read", at: nil)
        }
        // Some editors begin a file with the mark for the order of its bytes.
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes[3...]) : bytes
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return refuse("not UTF-8 from byte \(Self.validPrefix(of: bytes)) on", at: nil)
        }
        guard !Self.mayHaveManyAliases(text.utf8) else {
            return refuse("anchors (&name) and aliases (*name) are not supported: write the value out", at: nil)
        }
        do {
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            guard let root = try parser.singleRoot() else {
                return Node(content: .mapping([]), position: Position(line: 1, column: 1), path: .root)
            }
            // Nodes hold their anchors weakly: they are known while the parser lives.
            return withExtendedLifetime(parser) { node(root, .root, depth: 0) }
        } catch {
            return refuse(error)
        }
    }

    private func refuse(_ problem: String, at position: Position?, _ path: Path = .root) -> Node? {
        issues.add(problem, at: position, path)
        return nil
    }

    /// Aliases of aliases grow as a power of their number, and the library compares such keys in full before it shows
    /// us anything. So few are let pass, to be refused one by one; others before they are looked at.
    private static func mayHaveManyAliases(_ text: String.UTF8View) -> Bool {
        var (anchors, aliases) = (0, 0)
        var (before, previous) = (UInt8(ascii: " "), UInt8(ascii: "\n"))
        for byte in text {
            if byte > 0x20, before <= 0x20 || "[{,:-?".utf8.contains(before) {
                if previous == UInt8(ascii: "&") { anchors += 1 }
                if previous == UInt8(ascii: "*") { aliases += 1 }
            }
            (before, previous) = (previous, byte)
        }
        return anchors > 0 && aliases > 20
    }

    private static func validPrefix(of bytes: [UInt8]) -> Int {
        /// A prefix may end within a character, which takes up to three bytes of it.
        func validCount(_ count: Int) -> Int? {
            (max(0, count - 3)...count).last { String(validating: bytes.prefix($0), as: UTF8.self) != nil }
        }
        var (low, high) = (0, bytes.count)
        while low < high {
            let middle = (low + high + 1) / 2
            if validCount(middle) != nil { low = middle } else { high = middle - 1 }
        }
        return validCount(low) ?? 0
    }

    // MARK: - The tree

    private func node(_ node: Yams.Node, _ path: Path, depth: Int) -> Node? {
        let position = Position(node.mark)
        guard node.anchor == nil else {
            return refuse("anchors and aliases are not supported: write the value out", at: position, path)
        }
        guard depth < Self.limitDepth else {
            return refuse("nested deeper than \(Self.limitDepth) levels", at: position, path)
        }
        switch node {
        case .scalar(let scalar):
            guard let content = content(scalar) else { return refuse(tag: scalar.tag, at: position, path) }
            return Node(content: content, position: position, path: path)
        case .sequence(let sequence):
            guard sequence.tag.isImplicit else { return refuse(tag: sequence.tag, at: position, path) }
            let elements = sequence.enumerated().compactMap { index, element in
                self.node(element, .element(index, of: path), depth: depth + 1)
            }
            return Node(content: .list(elements), position: position, path: path)
        case .mapping(let mapping):
            guard mapping.tag.isImplicit else { return refuse(tag: mapping.tag, at: position, path) }
            let entries = mapping.compactMap { entry($0.key, $0.value, path, depth: depth + 1) }
            return Node(content: .mapping(entries), position: position, path: path)
        case .alias:
            return refuse("anchors and aliases are not supported: write the value out", at: position, path)
        }
    }

    private func refuse(tag: Tag, at position: Position, _ path: Path) -> Node? {
        refuse("tags such as \(tag.description.printable) are not supported", at: position, path)
    }

    private func entry(_ key: Yams.Node, _ value: Yams.Node, _ path: Path, depth: Int) -> Node.Entry? {
        let position = Position(key.mark)
        guard case .scalar(let scalar) = key, key.anchor == nil, scalar.string.utf8.count <= Self.limitKeyBytes else {
            issues.add("a key is a text of at most \(Self.limitKeyBytes) bytes", at: position, path)
            return nil
        }
        guard scalar.string != "<<" else {
            issues.add("merge keys (<<) are not supported: write the values out", at: position, path)
            return nil
        }
        guard let value = node(value, .key(scalar.string, of: path), depth: depth) else { return nil }
        return Node.Entry(key: scalar.string, keyPosition: position, value: value)
    }

    /// Nil if it has a tag.
    private func content(_ scalar: Yams.Node.Scalar) -> Node.Content? {
        let isPlain = scalar.style == .plain || scalar.style == .any
        guard scalar.tag.isImplicit || (!isPlain && scalar.tag.rawValue == Tag.Name.str.rawValue) else { return nil }
        if isPlain, ["", "~", "null"].contains(scalar.string) { return .nothing }
        return .scalar(scalar.string, isPlain: isPlain)
    }

    // MARK: - Errors

    private func refuse(_ error: any Error) -> Node? {
        guard let error = error as? YamlError else { return refuse("\(error)", at: nil) }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            return refuse("not YAML: " + Self.text(context, problem), at: Position(mark))
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.prefix(10).map { "\"\($0.printable)\"" }.joined(separator: ", ")
            return refuse("\(names) stands here and once more in the same mapping", at: Position(context.mark))
        case .reader(let problem, let offset, _, let text):
            return refuse("not YAML: \(problem)", at: offset.map { Self.position($0, in: text) })
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return refuse("not YAML: \(error)", at: nil)
        }
    }

    private static func text(_ context: YamlError.Context?, _ problem: String) -> String {
        guard let context else { return problem }
        return "\(problem), \(context.text) from line \(context.mark.line), column \(context.mark.column)"
    }

    /// Of the character at `offset`.
    private static func position(_ offset: Int, in text: String) -> Position {
        var position = Position(line: 1, column: 1)
        for character in text.prefix(offset) {
            position =
                character.isNewline
                ? Position(line: position.line + 1, column: 1)
                : Position(line: position.line, column: position.column + character.unicodeScalars.count)
        }
        return position
    }
}

extension Tag {
    fileprivate var isImplicit: Bool { rawValue.isEmpty }
}

extension Position {
    fileprivate init(_ mark: Mark?) { self.init(line: mark?.line ?? 1, column: mark?.column ?? 1) }
}
