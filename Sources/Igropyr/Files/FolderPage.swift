internal import FoundationEssentials
internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrUV

/// What a folder holds, for people or for programs: whichever asks.
struct FolderPage: Sendable {
    private let listing: FolderListing
    private let isJSON: Bool

    init(_ listing: FolderListing, for request: Request) {
        self.listing = listing
        isJSON = request.acceptedTypes?.best(of: ["text/html", "application/json"]) == "application/json"
    }

    /// About 6 µs an item: not on a loop.
    /// - Throws: what the listing's own page throws.
    func body(_ contents: FolderContents) throws -> [UInt8] {
        guard !isJSON else { return Self.json(contents) }
        return Array((try listing.page?(contents) ?? Self.html(contents)).utf8)
    }

    func response(_ body: [UInt8]) -> Response {
        let response = Response(bytes: body, contentType: isJSON ? "application/json" : "text/html; charset=utf-8")
            .with(.vary, "Accept").with(.xContentTypeOptions, "nosniff").with(.cacheControl, "no-cache")
        guard !isJSON, listing.page == nil else { return response }
        return response.with(.contentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'")
    }

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

    private static func json(_ contents: FolderContents) -> [UInt8] {
        let items = contents.items.map { item in
            Document.Item(
                name: item.name, type: item.isFolder ? "folder" : "file", size: item.size,
                modified: Date(timeIntervalSince1970: Double(item.modified)).formatted(.iso8601))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let data = try? encoder.encode(Document(path: contents.path, items: items, isComplete: contents.isComplete))
        return data.map { Array($0) } ?? []  // Strings and numbers: it cannot fail.
    }

    // MARK: HTML

    private static func html(_ contents: FolderContents) -> String {
        let title = contents.path.escapedForHTML
        var rows = contents.hasParent ? [row("../", "../", "", "")] : []
        rows += contents.items.map { item in
            row(item.link, item.name.escapedForHTML + (item.isFolder ? "/" : ""), item.sizeText, item.modifiedText)
        }
        let end = contents.isComplete ? "" : "<p>There is more here than is shown.</p>\n"
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title)</title>
            <style>\(style)</style>
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
}

extension FolderContents {
    /// `path` is beneath the folder that is served.
    init(_ listing: Folder.Listing, path: String) {
        self.path = "/" + path
        hasParent = !path.isEmpty
        isComplete = !listing.isCut
        items = listing.items.map { (key: $0.name.lowercased(), item: $0) }.sorted { left, right in
            if left.item.isFolder != right.item.isFolder { return left.item.isFolder }
            return left.key == right.key ? left.item.name < right.item.name : left.key < right.key
        }.map { Item($0.item) }
    }
}

extension FolderContents.Item {
    fileprivate init(_ item: Folder.Item) {
        name = item.name
        link = PercentEncoding.encode(item.name) + (item.isFolder ? "/" : "")
        isFolder = item.isFolder
        size = item.isFolder ? nil : item.size
        sizeText = item.isFolder ? "" : Self.text(bytes: item.size)
        modified = item.modified.seconds
        let time = Date(timeIntervalSince1970: Double(item.modified.seconds)).formatted(.iso8601)
        modifiedText = String(time.prefix(16).map { $0 == "T" ? " " : $0 })
    }

    private static func text(bytes: Int) -> String {
        var (tenths, unit) = (bytes * 10, 0)
        while tenths >= 10_000, unit + 1 < units.count { (tenths, unit) = (tenths / 1000, unit + 1) }
        return unit == 0 || tenths >= 100
            ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    private static let units = ["B", "kB", "MB", "GB", "TB", "PB"]
}
