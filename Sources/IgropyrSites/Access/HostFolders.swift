internal import FoundationEssentials
internal import Igropyr
internal import IgropyrTime
internal import IgropyrUV

/// The rules of a folder, with access files taken in, and what serves files by them; for one loop.
final class FolderScope {
    let rules: FolderRules
    let files: StaticFolder

    init(_ rules: FolderRules, _ folder: Folder, _ cache: FileCache) {
        self.rules = rules
        files = StaticFolder(folder, rules.serving, sharing: cache)
    }
}

/// The folders beneath a host's root and the access files in them, as one loop knows them.
///
/// Each request asks the kernel whether the access files on its way are the same, so that a change is seen at once, on
/// any file system: about 1 µs for each folder, which a watch (inotify) would spare; but that has limits for each user,
/// does not see changes on network file systems, and says what has changed only after it has.
final class HostFolders {
    /// Access files that are kept; then all are read anew.
    private static let limitEntries = 1024
    private static let limitBytes = 64 << 10
    /// The clock of file systems ticks so that two changes may look like one; only what is older is kept.
    private static let settlingSeconds: Int64 = 2
    /// How old what is known of the folder at a path may be.
    static let staleness = Duration.seconds(1)

    /// Rules stand on those above, which an entry keeps, so that no others get their identifier.
    private struct Key: Hashable {
        let path: String
        let above: ObjectIdentifier
    }

    private struct Kept {
        let identity: OpenFile.Identity
        let above: FolderScope
        let result: Result<FolderScope, AccessFileBroken>
    }

    let root: OpenRoot
    private let host: OpenHost
    /// When it was seen last that this is the host's root still.
    private var checkedAt: Timestamp
    private let cache = FileCache(FileServing().cache)
    private let base: FolderScope
    private var kept: [Key: Kept] = [:]
    private var changed: [Key: (above: FolderScope, scope: FolderScope)] = [:]

    init(_ host: OpenHost, _ root: OpenRoot, now: Timestamp) {
        self.host = host
        self.root = root
        checkedAt = now
        base = FolderScope(host.settings.rules, root.folder, cache)
    }

    /// These, or those of the folder that is the host's root by now, which is looked for once a second.
    func current(now: Timestamp) -> HostFolders {
        guard now >= checkedAt.advanced(by: Self.staleness) else { return self }
        checkedAt = now
        let latest = host.lookAgain()
        return latest === root ? self : HostFolders(host, latest, now: now)
    }

    /// What governs the path: what the site says of it and of what it begins with, and the access files in the folders
    /// that are there, from the root down, which is empty. A fallback answers for the path that was `asked` for.
    /// - Throws: ``AccessFileBroken``; what the kernel answers when it is in trouble.
    func scope(of path: String, folders: [String], asked: String? = nil) throws -> FolderScope {
        guard !host.settings.paths.isEmpty else {
            return try folders.reduce(base) { above, folder in try scope(inFolder: folder, above) }
        }
        var (found, folders) = (base, folders[...])
        for part in Self.parts(of: path) {
            found = scope(ofPart: part, found)
            if folders.first == part { found = try scope(inFolder: folders.removeFirst(), found) }
        }
        return asked.map { scope(ofRequestsFor: $0, found) } ?? found
    }

    private static func parts(of path: String) -> [String] { [""] + path.prefixes + (path.isEmpty ? [] : [path]) }

    /// That of a fallback, with what the site says of requests for the path on top. What it says of files is not for
    /// that one.
    private func scope(ofRequestsFor path: String, _ fallback: FolderScope) -> FolderScope {
        let asked = Self.parts(of: path).reduce(fallback) { above, part in scope(ofPart: part, above) }
        guard asked !== fallback else { return fallback }
        let key = Key(path: "", above: ObjectIdentifier(asked))
        if let kept = changed[key] { return kept.scope }
        return keep(fallback.rules.withRequests(as: asked.rules), as: key, above: asked)
    }

    /// What does without access files, for when one is broken.
    var outermost: FolderScope { base }

    private func scope(ofPart part: String, _ above: FolderScope) -> FolderScope {
        guard let change = host.settings.paths["/" + part] else { return above }
        let key = Key(path: part, above: ObjectIdentifier(above))
        if let kept = changed[key] { return kept.scope }
        var rules = above.rules
        change(&rules)
        return keep(rules, as: key, above: above)
    }

    private func keep(_ rules: FolderRules, as key: Key, above: FolderScope) -> FolderScope {
        let scope = FolderScope(rules, root.folder, cache)
        if changed.count >= Self.limitEntries { changed = [:] }
        changed[key] = (above, scope)
        return scope
    }

    private func scope(inFolder folder: String, _ above: FolderScope) throws -> FolderScope {
        guard let name = host.settings.accessFile else { return above }
        let file = folder.isEmpty ? name : folder + "/" + name
        guard let status = try status(of: file) else { return above }
        let key = Key(path: file, above: ObjectIdentifier(above))
        if let kept = kept[key], kept.identity == status.identity { return try kept.result.get() }
        let result = read(file, status, above)
        if status.identity.changed.seconds + Self.settlingSeconds <= EventLoop.secondsSince1970 {
            if kept.count >= Self.limitEntries { kept = [:] }
            kept[key] = Kept(identity: status.identity, above: above, result: result)
        }
        return try result.get()
    }

    /// Nil if there is none. What is there and cannot be looked at is broken: it may forbid something.
    private func status(of file: String) throws -> Folder.Status? {
        do throws(UVError) {
            return try root.folder.status(of: file)
        } catch {
            switch error.code {
            case UVError.notFound, UVError.notAFolder: return nil
            case UVError.tooManyOpenFiles, UVError.tooManyOpenFilesInSystem, UVError.outOfMemory: throw error
            default: throw AccessFileBroken(description: "\(root.path)/\(file): \(error.reason)")
            }
        }
    }

    private func read(
        _ file: String, _ status: Folder.Status, _ above: FolderScope
    ) -> Result<FolderScope, AccessFileBroken> {
        let path = "\(root.path)/\(file)"
        guard status.kind == .file else {
            return .failure(AccessFileBroken(description: "\(path): it is no regular file"))
        }
        do {
            guard case .file(let opened) = try root.folder.open(beneath: file), opened.size <= Self.limitBytes else {
                return .failure(AccessFileBroken(description: "\(path): more than \(Self.limitBytes) bytes"))
            }
            let bytes = try opened.read(at: 0, count: opened.size)
            var rules = above.rules
            try root.accessFiles.change(by: bytes, of: path)(&rules)
            return .success(FolderScope(rules, root.folder, cache))
        } catch {
            return .failure(AccessFileBroken(description: "\(error)"))
        }
    }
}

/// An access file that cannot be followed, so that nothing is let out that it governs.
struct AccessFileBroken: Error, CustomStringConvertible {
    /// Names the file, and the line where there is one.
    let description: String
}
