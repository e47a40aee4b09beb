internal import IgropyrHTTP

/// Where a request's file stands beneath its folder.
package struct FilePath {
    /// Names with single slashes between; empty for the folder itself.
    package let text: String
    /// A folder is meant, not a file.
    package let endsWithSlash: Bool

    /// As ``init(_:servesDotfiles:)``, without taking a plain path apart.
    /// - Throws: if it is not well encoded.
    init?(_ request: Request, servesDotfiles: Bool) throws(HTTPError) {
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

    package static func isServed(_ name: String, _ servesDotfiles: Bool) -> Bool {
        guard let first = name.utf8.first else { return false }
        guard first != UInt8(ascii: ".") || servesDotfiles || name == ".well-known" else { return false }
        return name.utf8.allSatisfy {
            $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\")
        }
    }

    /// The path of a name in this folder.
    package func appending(_ name: String) -> String { text.isEmpty ? name : text + "/" + name }
}
