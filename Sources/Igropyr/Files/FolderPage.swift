internal import FoundationEssentials
internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrUV

/// What a folder holds, for people and for programs.
struct FolderPage {
    private let items: [Folder.Item]
    private let isCut: Bool
    private let path: String
    private let hasParent: Bool

    /// `path` is beneath the folder that is served.
    init(_ listing: Folder.Listing, path: String, hasParent: Bool) {
        items = listing.items.map { (key: $0.name.lowercased(), item: $0) }.sorted { left, right in
            if left.item.isFolder != right.item.isFolder { return left.item.isFolder }
            return left.key == right.key ? left.item.name < right.item.name : left.key < right.key
        }.map(\.item)
        isCut = listing.isCut
        self.path = path
        self.hasParent = hasParent
    }

    func response(to request: Request) -> Response {
        let wantsJSON = request.header("Accept").map { field in
            let accepted = AcceptedTypes(field)
            return accepted.weight(of: "application/json") > accepted.weight(of: "text/html")
        }
        let response =
            wantsJSON ?? false
            ? Response(bytes: json(), contentType: "application/json") : Response(text: html(), contentType: Self.type)
        return response.with(.vary, "Accept").with(.xContentTypeOptions, "nosniff").with(.cacheControl, "no-cache")
            .with(.contentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'")
    }

    private static let type = "text/html; charset=utf-8"

    // MARK: JSON

    private struct Document: Encodable {
        struct Item: Encodable {
            let name: String
            let type: String
            let size: Int?
            let modified: String
        }

        let path: String
        let items: [Item]
        let isComplete: Bool
    }

    private func json() -> [UInt8] {
        let items = items.map { item in
            Document.Item(
                name: item.name, type: item.isFolder ? "folder" : "file", size: item.isFolder ? nil : item.size,
                modified: Self.date(item).formatted(.iso8601))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let data = try? encoder.encode(Document(path: "/" + path, items: items, isComplete: !isCut))
        return data.map { Array($0) } ?? []  // Strings and numbers: it cannot fail.
    }

    private static func date(_ item: Folder.Item) -> Date {
        Date(timeIntervalSince1970: Double(item.modified.seconds))
    }

    // MARK: HTML

    private func html() -> String {
        let title = Self.escaped("/" + path)
        var rows = hasParent ? [Self.row("../", "../", "", "")] : []
        rows += items.map { item in
            let slash = item.isFolder ? "/" : ""
            return Self.row(
                PercentEncoding.encode(item.name) + slash, Self.escaped(item.name) + slash,
                item.isFolder ? "" : Self.size(item.size), Self.minute(item))
        }
        let end = isCut ? "<p>There is more here than is shown.</p>\n" : ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title)</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <h1>\(title)</h1>
            <table>
            \(rows.joined(separator: "\n"))
            </table>
            \(end)</body>
            </html>

            """
    }

    private static let style = """
        :root{color-scheme:light dark;font:16px/1.4 system-ui,sans-serif}
        body{max-width:60rem;margin:0 auto;padding:1rem}
        h1{font-size:1.2rem;overflow-wrap:anywhere}
        table{width:100%;border-collapse:collapse}
        tr{border-top:1px solid color-mix(in srgb,currentColor 15%,transparent)}
        td{padding:.5rem .25rem;vertical-align:top}
        td:first-child{width:100%;overflow-wrap:anywhere}
        td+td{white-space:nowrap;text-align:right;opacity:.7;font-variant-numeric:tabular-nums}
        a{text-decoration:none;display:block}
        a:hover{text-decoration:underline}
        @media(max-width:32rem){td:last-child{display:none}}
        """

    private static func row(_ link: String, _ name: String, _ size: String, _ time: String) -> String {
        "<tr><td><a href=\"\(link)\">\(name)</a></td><td>\(size)</td><td>\(time)</td></tr>"
    }

    private static func size(_ bytes: Int) -> String {
        var (tenths, unit) = (bytes * 10, 0)
        while tenths >= 10_000, unit + 1 < units.count { (tenths, unit) = (tenths / 1000, unit + 1) }
        return unit == 0 || tenths >= 100
            ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    private static let units = ["B", "kB", "MB", "GB", "TB", "PB"]

    /// To the minute, in UTC.
    private static func minute(_ item: Folder.Item) -> String {
        String(date(item).formatted(.iso8601).prefix(16).map { $0 == "T" ? " " : $0 })
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
