import IgropyrPatterns

extension HashKey {
    /// A text that names no key.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        public var text: String

        public init(text: String) { self.text = text }

        public var description: String {
            "\"\(text.prefix(80))\" is not a hash key: use path, uri, source, method+path, header:NAME, cookie:NAME, "
                + "cookie-set:NAME, query:NAME, or one of path, uri, header:NAME and cookie:NAME with ~ and a regular "
                + "expression whose first group is the key, such as path~^/users/([^/]+)"
        }
    }

    /// Reads what ``description`` writes.
    public init(parsing text: String) throws(Invalid) {
        switch text {
        case "path": self = .path
        case "uri": self = .uri
        case "source": self = .source
        case "method+path": self = .methodAndPath
        default:
            let parts = text.split(separator: "~", maxSplits: 1, omittingEmptySubsequences: false)
            let key = parts.count == 2 ? Self.group(String(parts[1]), in: parts[0]) : Self.named(parts[0])
            guard let key else { throw Invalid(text: text) }
            self = key
        }
    }

    private static func named(_ text: Substring) -> HashKey? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let name = String(parts[1])
        switch parts[0] {
        case "header": return HeaderCondition.isName(name) ? .header(name) : nil
        case "cookie": return HeaderCondition.isName(name) ? .cookie(name) : nil
        case "cookie-set": return HeaderCondition.isName(name) ? .assignedCookie(name) : nil
        case "query":
            let isName =
                (1...256).contains(name.utf8.count)
                && name.utf8.allSatisfy {
                    $0 > 0x20 && $0 < 0x7F && !"&=#".utf8.contains($0)
                }
            return isName ? .query(name) : nil
        default: return nil
        }
    }

    private static func group(_ expression: String, in text: Substring) -> HashKey? {
        guard let pattern = Pattern(expression), pattern.hasGroup else { return nil }
        switch text {
        case "path": return .group(pattern, in: .path)
        case "uri": return .group(pattern, in: .uri)
        default:
            switch named(text) {
            case .header(let name): return .group(pattern, in: .header(name))
            case .cookie(let name): return .group(pattern, in: .cookie(name))
            default: return nil
            }
        }
    }
}

extension HashKey: CustomStringConvertible {
    public var description: String {
        switch self {
        case .path: "path"
        case .uri: "uri"
        case .source: "source"
        case .methodAndPath: "method+path"
        case .header(let name): "header:\(name)"
        case .cookie(let name): "cookie:\(name)"
        case .assignedCookie(let name): "cookie-set:\(name)"
        case .query(let name): "query:\(name)"
        case .group(let pattern, .path): "path~\(pattern)"
        case .group(let pattern, .uri): "uri~\(pattern)"
        case .group(let pattern, .header(let name)): "header:\(name)~\(pattern)"
        case .group(let pattern, .cookie(let name)): "cookie:\(name)~\(pattern)"
        }
    }
}

/// As text.
extension HashKey: Codable {
    public init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
