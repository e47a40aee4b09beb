internal import IgropyrOrchestration
internal import IgropyrText

/// Judges the entries of an archive that anybody may have made, before anything of them reaches the disk.
struct BundleRules {
    let limits: BundleArchive.Limits
    let archive: String
    private var files: Set<String> = []
    private var folders: Set<String> = [""]
    private var links: Set<String> = []
    private var totalBytes: Int64 = 0

    init(limits: BundleArchive.Limits, archive: String) {
        self.limits = limits
        self.archive = archive
    }

    /// The entry with its path in normal form; nil for the root itself, which exists already.
    mutating func admitted(_ entry: BundleEntry) throws(BundleError) -> BundleEntry? {
        guard files.count + folders.count + links.count <= limits.entries else {
            throw BundleError(.tooManyEntries, archive, "\(archive) holds more than \(limits.entries) entries")
        }
        var entry = entry
        entry.path = try normalized(entry.path)
        guard !entry.path.isEmpty else {
            guard entry.content == .folder else { throw escape(entry.path, "takes the place of the root") }
            return nil
        }
        guard !files.contains(entry.path), !folders.contains(entry.path), !links.contains(entry.path) else {
            throw BundleError(.damaged, archive, "\(archive) holds \(entry.path) twice")
        }
        // So each step of the path is a real folder that this archive made: no link can be written through.
        let parent = entry.path.pathNames.dropLast().joined(separator: "/")
        guard folders.contains(parent) else { throw escape(entry.path, "stands in what is no folder before it") }
        entry.content = try admitted(entry.content, at: entry.path)
        return entry
    }

    private mutating func admitted(
        _ content: BundleEntry.Content, at path: String
    ) throws(BundleError) -> BundleEntry.Content {
        switch content {
        case .file(let byteCount, _, _):
            guard byteCount >= 0, byteCount <= limits.totalBytes - totalBytes else {
                throw BundleError(.tooLarge, archive, "\(archive) unpacks to more than \(limits.totalBytes) bytes")
            }
            totalBytes += byteCount
            files.insert(path)
            return content
        case .folder: folders.insert(path)
        case .link(let target):
            guard target.utf8.count <= limits.pathBytes, BundleEntry.staysInside(link: path, target: target) else {
                throw escape(path, "links to \(target)")
            }
            links.insert(path)
        case .hardLink(let target):
            let target = try normalized(target)
            guard files.contains(target) else { throw escape(path, "is a hard link to what is no file before it") }
            files.insert(path)
            return .hardLink(target: target)
        case .other:
            throw BundleError(.unsupportedEntry, archive, "\(archive) holds \(path), which is no file, folder or link")
        }
        return content
    }

    /// Without `.` and doubled or trailing slashes.
    private func normalized(_ path: String) throws(BundleError) -> String {
        guard path.utf8.count <= limits.pathBytes else {
            throw BundleError(.tooLarge, archive, "\(archive) holds a path of more than \(limits.pathBytes) bytes")
        }
        guard path.utf8.first != UInt8(ascii: "/") else { throw escape(path, "is absolute") }
        guard path.isPlain else {
            throw BundleError(.unsupportedEntry, archive, "\(archive) holds a name with control characters")
        }
        let components = path.pathNames.filter { !$0.isEmpty && $0 != "." }
        guard !components.contains("..") else { throw escape(path, "goes up by `..`") }
        guard components.count <= limits.depth else {
            throw BundleError(.tooLarge, archive, "\(archive) holds folders more than \(limits.depth) deep")
        }
        return components.joined(separator: "/")
    }

    private func escape(_ path: String, _ reason: String) -> BundleError {
        BundleError(.escapes, archive, "\(archive) is refused: \(path) \(reason), which could reach outside the bundle")
    }
}
