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
        path = Self.limited(FilePath(try request.restSegments(), servesDotfiles: true))
        query = request.queryText
        isRestarted = false
    }

    /// - Throws: `HTTPError`, as before.
    init(_ restart: RestartRequest, isRestarted: Bool) throws {
        let parts = restart.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let bytes = Array(parts[0].utf8)
        let segments = unsafe try PathSegments.decode(0..<bytes.count, in: bytes.span.bytes)
        path = Self.limited(FilePath(segments, servesDotfiles: true))
        query = parts.count == 2 ? String(parts[1]) : nil
        self.isRestarted = isRestarted || !restart.keepsRequest
    }

    /// None: something has gone wrong before there was one.
    init(empty query: String?) {
        (path, self.query, isRestarted) = (nil, query, false)
    }

    private static func limited(_ path: FilePath?) -> FilePath? {
        guard let path, path.text.count(where: { $0 == "/" }) < limitNames else { return nil }
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
        let names = path.text.split(separator: "/").map(String.init)
        let prefixes = names.indices.map { names[...$0].joined(separator: "/") }
        switch try Self.kind(of: path.text, in: folder) {
        case .folder:
            (kind, folders) = (.folder, [""] + prefixes)
        case .file where !path.endsWithSlash:
            (kind, folders) = (.file(path.text, pathInfo: []), [""] + prefixes.dropLast())
        case .file:
            (kind, folders) = (.file(path.text, pathInfo: [""]), [""] + prefixes.dropLast())
        case nil, .other?:
            (kind, folders) = try Self.search(names, prefixes, path.endsWithSlash, in: folder)
        }
    }

    /// A path may go on behind a file's name.
    private static func search(
        _ names: [String], _ prefixes: [String], _ endsWithSlash: Bool, in folder: Folder
    ) throws(UVError) -> (Kind, [String]) {
        var folders = [""]
        for (index, prefix) in prefixes.enumerated() {
            switch try Self.kind(of: prefix, in: folder) {
            case .folder: folders.append(prefix)
            case .file:
                let rest = names[(index + 1)...] + (endsWithSlash ? [""] : [])
                return (.file(prefix, pathInfo: Array(rest)), folders)
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
            switch error.code {
            case UVError.tooManyOpenFiles, UVError.tooManyOpenFilesInSystem, UVError.outOfMemory: throw error
            default: return nil
            }
        }
    }
}
