internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrUV

/// Which path of a site is asked for: the request's, or one that it was sent on to.
struct SitePath {
    /// Deeper paths are not there.
    private static let limitNames = 64

    let path: FilePath?
    let query: String?
    let isRestarted: Bool

    /// - Throws: `HTTPError` if it is not well encoded.
    init(_ request: Request) throws {
        // What may be seen is the rules' to say, which are not known yet.
        path = Self.limited(try FilePath(ofSite: request))
        query = request.queryText
        isRestarted = false
    }

    /// - Throws: `HTTPError`, as before.
    init(_ restart: RestartRequest, isRestarted: Bool) throws {
        let parts = restart.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let bytes = Array(parts[0].utf8)
        let segments = unsafe try PathSegments.decode(0..<bytes.count, in: bytes.span.bytes)
        path = Self.limited(FilePath(ofSite: segments))
        query = parts.count == 2 ? String(parts[1]) : nil
        self.isRestarted = isRestarted || !restart.keepsRequest
    }

    /// None: something has gone wrong before there was one.
    init(empty query: String?) {
        (path, self.query, isRestarted) = (nil, query, false)
    }

    private static func limited(_ path: FilePath?) -> FilePath? {
        guard let path, path.depth < limitNames else { return nil }
        return path
    }
}

/// What stands at a path.
struct FoundPath {
    enum Kind {
        case file(String, pathInfo: [String])
        case folder
        case nothing
    }

    let kind: Kind
    var isFile: Bool { if case .file(_, pathInfo: []) = kind { true } else { false } }

    /// The folders on the way that are there, from the root down, which is empty.
    let folders: [String]

    /// - Throws: what the kernel answers when it is in trouble; what is merely not there is no error.
    init(_ path: FilePath, in folder: Folder) throws(UVError) {
        let text = path.text
        let above = path.depth == 0 ? [""] : [""] + text.prefixes
        switch try Self.kind(of: text, in: folder) {
        case .folder:
            (kind, folders) = (.folder, text.isEmpty ? [""] : above + [text])
        case .file:
            (kind, folders) = (.file(text, pathInfo: path.endsWithSlash ? [""] : []), above)
        case nil, .other?:
            (kind, folders) = try Self.search(path, in: folder)
        }
    }

    /// A path may go on behind a file's name.
    private static func search(_ path: FilePath, in folder: Folder) throws(UVError) -> (Kind, [String]) {
        var folders = [""]
        for prefix in path.text.prefixes {
            switch try Self.kind(of: prefix, in: folder) {
            case .folder: folders.append(prefix)
            case .file:
                let rest = path.text.utf8.dropFirst(prefix.utf8.count).split(separator: UInt8(ascii: "/"))
                let names = rest.map { String(Substring($0)) }
                return (.file(prefix, pathInfo: names + (path.endsWithSlash ? [""] : [])), folders)
            case nil, .other?: return (.nothing, folders)
            }
        }
        return (.nothing, folders)
    }

    /// Nil if nothing is there, as far as anybody need know.
    static func kind(of path: String, in folder: Folder) throws(UVError) -> Folder.Status.Kind? {
        do throws(UVError) {
            return try folder.status(of: path).kind
        } catch {
            guard error.isAbsence else { throw error }
            return nil
        }
    }
}

extension String {
    /// What stands before each of its slashes.
    var prefixes: [String] {
        utf8.indices.filter { utf8[$0] == UInt8(ascii: "/") }.map { String(self[..<$0]) }
    }
}
