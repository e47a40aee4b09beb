internal import IgropyrUV

/// Media types by the ends of file names.
package struct MIMETypes: Sendable {
    /// The system's, where it has any, with the few that no site is without.
    package static let system = MIMETypes(reading: "/etc/mime.types")

    private static let known = [
        "avif": "image/avif", "css": "text/css", "csv": "text/csv", "gif": "image/gif", "htm": "text/html",
        "html": "text/html", "ico": "image/vnd.microsoft.icon", "jpeg": "image/jpeg", "jpg": "image/jpeg",
        "js": "text/javascript", "json": "application/json", "map": "application/json", "md": "text/markdown",
        "mjs": "text/javascript", "mp3": "audio/mpeg", "mp4": "video/mp4", "pdf": "application/pdf",
        "png": "image/png", "svg": "image/svg+xml", "txt": "text/plain", "wasm": "application/wasm",
        "webm": "video/webm", "webmanifest": "application/manifest+json", "webp": "image/webp",
        "woff": "font/woff", "woff2": "font/woff2", "xml": "application/xml", "zip": "application/zip",
    ]

    private var types: [String: String]

    /// Our own table goes before the system's, so that a site is served alike everywhere.
    init(reading path: String) {
        var types = Self.parse(Self.read(path))
        types.merge(Self.known) { _, ours in ours }
        self.types = types.mapValues(Self.withCharacterSet)
    }

    /// What is unknown has the type of plain bytes. `overrides` are by the ends of names, in lower case, and go first.
    package func type(
        ofFile path: String, overrides: [String: String] = [:], default fallback: String = "application/octet-stream"
    ) -> String {
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return overrides[""] ?? fallback }
        let end = name[name.utf8.index(after: dot)...].lowercased()
        return overrides[end] ?? types[end] ?? fallback
    }

    private static func withCharacterSet(_ type: String) -> String {
        type.hasPrefix("text/") || type == "application/json" ? type + "; charset=utf-8" : type
    }

    /// Up to 1 MiB; nothing if the file cannot be read.
    private static func read(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), let folder = try? Folder(String(path[...slash])),
            case .file(let file)? = try? folder.open(beneath: String(path[path.utf8.index(after: slash)...])),
            let bytes = try? file.read(at: 0, count: min(file.size, 1 << 20))
        else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Lines of a type and the ends of names that have it.
    static func parse(_ text: String) -> [String: String] {
        var types: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard let type = words.first, type.contains("/") else { continue }
            for end in words.dropFirst() { types[end.lowercased()] = String(type) }
        }
        return types
    }
}
