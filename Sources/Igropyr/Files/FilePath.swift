internal import IgropyrHTTP
internal import IgropyrText

/// Where a request's file stands beneath its folder.
package struct FilePath {
    /// Names with single slashes between; empty for the folder itself.
    package let text: String
    /// A folder is meant, not a file.
    package let endsWithSlash: Bool

    /// As ``init(_:servesDotfiles:)``, without taking a plain path apart.
    /// - Throws: if it is not well encoded.
    package init?(_ request: Request, servesDotfiles: Bool) throws(HTTPError) {
        if let plain = request.plainRest {
            self.init(plain: plain)
        } else {
            self.init(try request.restSegments(), servesDotfiles: servesDotfiles)
        }
    }

    private init(plain: String) {
        endsWithSlash = plain.utf8.last == UInt8(ascii: "/")
        text = endsWithSlash ? String(plain.dropLast()) : plain
    }

    /// Nil if no file can be meant: a name that is empty, or holds a slash or backslash that was escaped (it is none of
    /// a path, but a client or a program may take it for one), or a control character; or one that begins with a dot.
    package init?(_ segments: [String], servesDotfiles: Bool) {
        var names = segments[...]
        endsWithSlash = names.last?.isEmpty ?? false
        if endsWithSlash { names.removeLast() }
        guard names.allSatisfy({ Self.isServed($0, servesDotfiles) }) else { return nil }
        text = names.count == 1 ? names[0] : names.joined(separator: "/")
    }

    /// As a site takes it, and nginx and Apache do: several slashes are one, and an escaped one is as good as another,
    /// so that no rule for a path is passed by either. Nil for what is no file's all the same.
    /// - Throws: if it is not well encoded.
    package init?(ofSite request: Request) throws(HTTPError) {
        if let plain = request.plainRest {
            self.init(plain: plain)
        } else {
            self.init(ofSite: try request.restSegments())
        }
    }

    package init?(ofSite segments: [String]) {
        let names = segments.flatMap(\.pathNames)
        // Behind an escaped slash they were data still when the path was checked.
        guard !names.contains("."), !names.contains("..") else { return nil }
        let end = names.last == "" ? [""] : []
        self.init(names.filter { !$0.isEmpty } + end, servesDotfiles: true)
    }

    static func isServed(_ name: String, _ servesDotfiles: Bool) -> Bool {
        guard let first = name.utf8.first else { return false }
        guard first != UInt8(ascii: ".") || servesDotfiles || name == wellKnown else { return false }
        return name.utf8.allSatisfy {
            $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\")
        }
    }

    /// A folder whose name begins with a dot, and that is there for all (RFC 8615).
    private static let wellKnown = ".well-known"

    /// Whether a name in it begins with a dot and is no `.well-known`.
    package var hasDotfile: Bool {
        let bytes = text.utf8.span
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        let hasDot = bytes.indices.contains { bytes[$0] == dot && ($0 == 0 || bytes[$0 - 1] == slash) }
        return hasDot
            && text.utf8.split(separator: slash).contains { $0.first == dot && !$0.elementsEqual(Self.wellKnown.utf8) }
    }

    /// How many folders its last name is in, beneath the folder.
    package var depth: Int {
        let bytes = text.utf8.span
        return bytes.indices.count { bytes[$0] == UInt8(ascii: "/") }
    }

    /// The path of a name in this folder.
    package func appending(_ name: String) -> String { text.isEmpty ? name : text + "/" + name }
}
