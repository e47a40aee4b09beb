extension Schema {
    /// A list of `atLeast` to `limit` elements.
    public static func list<Element>(
        of element: Schema<Element>, atLeast: Int = 0, limit: Int = 1000
    ) -> Schema<Value> where Value == [Element] {
        let expected = "a list"
        return Schema(expected: expected) { node, issues in
            guard case .list(let nodes) = node.content else {
                issues.add("found \(node.found), expected \(expected), each element \(element.expected)", at: node)
                return nil
            }
            guard (atLeast...limit).contains(nodes.count) else {
                issues.add("found \(nodes.count) elements, expected \(atLeast) to \(limit)", at: node)
                return nil
            }
            let values = nodes.compactMap { element.convert($0, issues) }
            return values.count == nodes.count ? values : nil
        }
    }

    /// A list, or one element by itself.
    public static func oneOrMore<Element>(
        of element: Schema<Element>, limit: Int = 1000
    ) -> Schema<Value> where Value == [Element] {
        let list = list(of: element, atLeast: 1, limit: limit)
        return Schema(expected: "\(element.expected), or a list of such") { node, issues in
            if case .list = node.content { return list.convert(node, issues) }
            return element.convert(node, issues).map { [$0] }
        }
    }

    /// A mapping whose keys the file chooses; in its order.
    public static func mapping<Key, Element>(
        keys: Schema<Key>, values: Schema<Element>, limit: Int = 1000
    ) -> Schema<Value> where Value == [(key: Key, value: Element)] {
        Schema(expected: "a mapping") { node, issues in
            guard case .mapping(let entries) = node.content else {
                issues.add(
                    "found \(node.found), expected a mapping of \(keys.expected) to \(values.expected)", at: node)
                return nil
            }
            guard entries.count <= limit else {
                issues.add("found \(entries.count) keys, expected at most \(limit)", at: node)
                return nil
            }
            let pairs = entries.compactMap { entry -> (key: Key, value: Element)? in
                let name = Node(
                    content: .scalar(entry.key, isPlain: true), position: entry.keyPosition, path: entry.value.path)
                let key = keys.convert(name, issues)
                let value = values.convert(entry.value, issues)
                guard let key, let value else { return nil }
                return (key, value)
            }
            return pairs.count == entries.count ? pairs : nil
        }
    }

    /// A mapping with exactly one of these keys, each with a schema of its own.
    public static func oneOf(_ choices: KeyValuePairs<String, Schema<Value>>) -> Schema<Value> {
        let pairs = Array(choices)
        let expected = "a mapping with just one of the keys " + pairs.map(\.key).joined(separator: ", ")
        return Schema(expected: expected) { node, issues in
            guard case .mapping(let entries) = node.content, entries.count == 1, let entry = entries.first else {
                issues.add("found \(node.found), expected \(expected)", at: node)
                return nil
            }
            guard let pair = pairs.first(where: { $0.key == entry.key }) else {
                issues.add(
                    Suggestion.unknown(entry.key, known: pairs.map(\.key)), at: entry.keyPosition, entry.value.path)
                return nil
            }
            return pair.value.convert(entry.value, issues)
        }
    }

    /// A mapping, or else a form that is none.
    public static func mapping(_ mapping: Schema<Value>, or other: Schema<Value>) -> Schema<Value> {
        Schema(expected: "\(other.expected), or \(mapping.expected)") { node, issues in
            if case .mapping = node.content { mapping.convert(node, issues) } else { other.convert(node, issues) }
        }
    }

    /// A mapping for all there is to say, or else the short form that says the usual.
    public static func short(_ short: Schema<Value>, or full: Schema<Value>) -> Schema<Value> {
        Schema(expected: "\(short.expected), or \(full.expected)") { node, issues in
            if case .mapping = node.content { return full.convert(node, issues) }
            guard case .scalar = node.content else {
                issues.add("found \(node.found), expected \(short.expected), or \(full.expected)", at: node)
                return nil
            }
            return short.convert(node, issues)
        }
    }

    /// A mapping with keys that `read` asks for; any other key is refused, the nearest known one named. What `read`
    /// returns counts only if nothing was wrong in the whole document.
    ///
    /// `read` must ask for the same keys whatever it finds, else keys that it did not come to would be called unknown.
    public static func section(_ read: @escaping @Sendable (Section) -> Value?) -> Schema<Value> {
        Schema(expected: "a mapping") { node, issues in
            guard case .mapping(let entries) = node.content else {
                issues.add("found \(node.found), expected a mapping", at: node)
                return nil
            }
            let section = Section(node, entries, issues)
            let value = read(section)
            section.refuseUnknownKeys()
            if value == nil { section.explainAbsence() }
            return value
        }
    }
}
