internal import Igropyr

/// A page for folders, in a part of Mustache: `{{path}}`, and for each file `{{#items}}…{{/items}}` with `{{name}}`,
/// `{{link}}`, `{{size}}` and `{{modified}}` between. Everything is escaped for HTML.
struct ListingTemplate: Sendable {
    struct Invalid: Error, Sendable, CustomStringConvertible {
        let description: String
    }

    private enum Part: Sendable {
        case text(String)
        case path
        case name, link, size, modified
        case items([Part])
    }

    private let parts: [Part]

    init(_ text: String) throws(Invalid) {
        var rest = Substring(text)
        parts = try Self.parse(&rest, isInItems: false)
    }

    private static func parse(_ rest: inout Substring, isInItems: Bool) throws(Invalid) -> [Part] {
        var parts: [Part] = []
        while let open = rest.firstRange(of: "{{") {
            parts.append(.text(String(rest[..<open.lowerBound])))
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw Invalid(description: "a {{ of the template has no }}")
            }
            let tag = rest[open.upperBound..<close.lowerBound].filter { $0 != " " }
            rest = rest[close.upperBound...]
            switch (tag, isInItems) {
            case ("path", _): parts.append(.path)
            case ("#items", false): parts.append(.items(try parse(&rest, isInItems: true)))
            case ("/items", true): return parts
            case ("name", true): parts.append(.name)
            case ("link", true): parts.append(.link)
            case ("size", true): parts.append(.size)
            case ("modified", true): parts.append(.modified)
            default:
                throw Invalid(
                    description:
                        "found {{\(tag.prefix(40))}}, expected {{path}}, or {{#items}}…{{/items}} with {{name}}, "
                        + "{{link}}, {{size}} and {{modified}} between")
            }
        }
        guard !isInItems else { throw Invalid(description: "{{#items}} has no {{/items}}") }
        return parts + [.text(String(rest))]
    }

    func page(_ contents: FolderContents) -> String { Self.text(parts, contents, nil) }

    private static func text(_ parts: [Part], _ contents: FolderContents, _ item: FolderContents.Item?) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .path: contents.path.escapedForHTML
            case .name: (item?.name ?? "").escapedForHTML + (item?.isFolder ?? false ? "/" : "")
            case .link: item?.link ?? ""
            case .size: item?.sizeText ?? ""
            case .modified: item?.modifiedText ?? ""
            case .items(let parts): contents.items.map { text(parts, contents, $0) }.joined()
            }
        }.joined()
    }
}
