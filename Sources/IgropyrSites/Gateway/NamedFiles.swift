internal import HTTPTypes
internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrText
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// Sends files that programs name in place of a body, by `X-Accel-Redirect` or `X-Sendfile`, as
/// ``FolderRules/sentFolders`` allows it: what only the program may let out lies where no request reaches it. For one
/// loop.
final class NamedFiles {
    /// Folders that are kept open; then all are opened anew.
    private static let limitFolders = 1024
    private static let byPath = HTTPField.Name("X-Accel-Redirect")!
    private static let byFile = HTTPField.Name("X-Sendfile")!

    private struct Key: Hashable {
        let folder: String
        let compresses: Bool
    }

    private struct Kept {
        let folder: Folder
        let files: StaticFolder
        /// When it was seen last that its name leads to this folder still.
        var checkedAt: Timestamp
    }

    private var kept: [Key: Kept] = [:]

    /// The file, with the fields of the program's answer; or the answer, if it names none.
    /// - Throws: ``HTTPFailure`` 404 for a file that is not there or may not be sent, which the log explains.
    func answer(_ response: Response, _ call: FileRequest) throws -> Response {
        let (path, file) = (response.fields[Self.byPath], response.fields[Self.byFile])
        guard let name = path ?? file else { return response }
        let folders = call.rules.sentFolders
        let place = path == nil ? Self.place(ofFile: name, folders) : Self.place(ofPath: name, folders)
        guard let place, let found = try files(of: place.folder, call)?.file(place.rest.text, for: call.request) else {
            call.log.error(
                "a program names a file that is not there, or not in a folder of the key send-files",
                metadata: ["file": "\(call.file)", "named": "\(name)"])
            throw HTTPFailure(.notFound)
        }
        call.hasChosenCoding()
        return Self.merge(response, into: found)
    }

    private typealias Place = (folder: String, rest: FilePath)

    /// By the names that folders have for programs. The path is escaped as in a URL.
    private static func place(ofPath path: String, _ folders: [FolderRules.SentFolder]) -> Place? {
        let bytes = Array(path.utf8.prefix { $0 != UInt8(ascii: "?") })
        guard bytes.first == UInt8(ascii: "/"),
            let names = unsafe try? PathSegments.decode(0..<bytes.count, in: bytes.span.bytes)
        else { return nil }
        return place("/" + names.joined(separator: "/"), folders.map { ($0.name, $0.folder) })
    }

    /// By their own.
    private static func place(ofFile path: String, _ folders: [FolderRules.SentFolder]) -> Place? {
        place(path, folders.map { ($0.folder, $0.folder) })
    }

    private static func place(_ path: String, _ folders: [(name: String, folder: String)]) -> Place? {
        for (name, folder) in folders {
            guard let names = path.path(beneath: name)?.pathNames else { continue }
            guard !names.contains(".."), !names.contains("."),
                let rest = FilePath(names, servesDotfiles: true), !rest.endsWithSlash
            else { return nil }
            return (folder, rest)
        }
        return nil
    }

    /// Of the folder at a path; if another takes its place that is seen within a second, as of a root, and while none
    /// can be opened the last one stays. Nil if there is none.
    private func files(of path: String, _ call: FileRequest) throws(UVError) -> StaticFolder? {
        let key = Key(folder: path, compresses: call.rules.compresses)
        let (known, now) = (kept[key], call.loop.now)
        if let known, now < known.checkedAt.advanced(by: HostFolders.staleness) { return known.files }
        let folder: Folder
        do throws(UVError) {
            folder = try Folder(path, symlinks: .beneath)
        } catch {
            guard known != nil || error.isAbsence else { throw error }
            return known?.files
        }
        if let known, known.folder.isSame(as: folder) {
            kept[key]?.checkedAt = now
            return known.files
        }
        if kept.count >= Self.limitFolders { kept = [:] }
        let files = StaticFolder(folder, Self.serving(compresses: key.compresses))
        kept[key] = Kept(folder: folder, files: files, checkedAt: now)
        return files
    }

    private static func serving(compresses: Bool) -> FileServing {
        var serving = FileServing()
        serving.servesDotfiles = true
        serving.symlinks = .beneath
        if !compresses { serving.compression = nil }
        return serving
    }

    /// The program's fields stand before the file's, but for those that are about the file's bytes. What it varies by
    /// both say.
    private static func merge(_ response: Response, into file: Response) -> Response {
        var merged = file
        // Several parts are of a type of their own (RFC 9110 §14.6), and only one is said to be from where.
        let isOne = file.status == .ok || file.status == .partialContent && file.fields[.contentRange] != nil
        let own = response.fields.filter { !aboutBytes.contains($0.name) }
        for field in own where field.name != .vary { merged.fields[field.name] = nil }
        for field in own { merged.fields.append(field) }
        if isOne, let type = response.contentType { merged.contentType = type }
        return merged
    }

    private static let aboutBytes: Set<HTTPField.Name> = [
        byPath, byFile, .acceptRanges, .contentEncoding, .contentLength, .contentRange, .eTag, .lastModified,
    ]
}
