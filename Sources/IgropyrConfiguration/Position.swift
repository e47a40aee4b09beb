/// A place in a file: where a value or a key begins. Both count from 1; columns count Unicode scalars.
public struct Position: Hashable, Sendable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// Which value of a document something is about, such as `applications.shop.upstreams[2].weight`.
indirect enum Path: Sendable {
    case root
    case key(String, of: Path)
    case element(Int, of: Path)

    /// Empty for the document itself.
    var description: String {
        switch self {
        case .root: ""
        case .key(let key, of: .root): key.printable
        case .key(let key, let parent): "\(parent.description).\(key.printable)"
        case .element(let index, let parent): "\(parent.description)[\(index)]"
        }
    }
}

extension String {
    /// Fit for a terminal and a log: control characters escaped, at most 80 characters.
    var printable: String {
        let scalars = unicodeScalars.prefix(80)
        let text = String(scalars).withoutControls
        return scalars.endIndex < endIndex ? text + "…" : text
    }

    /// Control characters escaped.
    var withoutControls: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += scalar.escaped(asASCII: true)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
