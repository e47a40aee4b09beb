internal import FoundationEssentials
internal import Igropyr
internal import IgropyrConfiguration
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// The rules of a folder, with access files taken in, and what serves files by them; for one loop.
final class FolderScope {
    let rules: FolderRules
    let files: StaticFolder

    init(_ rules: FolderRules, _ folder: Folder, _ cache: FileCache) {
        self.rules = rules
        files = StaticFolder(folder, rules.serving, sharing: cache)
    }
}

/// A host's folders and the access files in them, as one loop knows them.
///
/// Each request asks the kernel whether the access files on its way are the same, so that a change is seen at once, on any file
/// system: about 1 µs for each folder, which a watch (inotify) would spare; but that has limits for each user, does not see
/// changes on network file systems, and says what has changed only after it has.
final class HostFolders {
    /// Access files that are kept; then all are read anew.
    private static let limitEntries = 1024
    private static let limitBytes = 64 << 10
    /// The clock of file systems ticks so that two changes may look like one; only what is older is kept.
    private static let settlingSeconds: Int64 = 2

    private struct Kept {
        let identity: OpenFile.Identity
        let above: FolderScope
        let result: Result<FolderScope, AccessFileBroken>
    }

    let host: OpenHost
    private let cache = FileCache(FileServing().cache)
    private let base: FolderScope
    private var kept: [String: Kept] = [:]

    init(_ host: OpenHost) {
        self.host = host
        base = FolderScope(host.settings.rules, host.folder, cache)
    }

    /// What governs the last of the folders: paths from the root down, which is empty.
    /// - Throws: ``AccessFileBroken``; what the kernel answers when it is in trouble.
    func scope(of folders: [String]) throws -> FolderScope {
        guard let name = host.settings.accessFile else { return base }
        return try folders.reduce(base) { above, folder in
            try scope(folder.isEmpty ? name : folder + "/" + name, above)
        }
    }

    /// What does without access files, for when one is broken.
    var outermost: FolderScope { base }

    private func scope(_ file: String, _ above: FolderScope) throws -> FolderScope {
        guard let status = try status(of: file) else {
            kept[file] = nil
            return above
        }
        if let kept = kept[file], kept.identity == status.identity, kept.above === above {
            return try kept.result.get()
        }
        let result = read(file, status, above)
        if status.identity.changed.seconds + Self.settlingSeconds <= EventLoop.secondsSince1970 {
            if kept.count >= Self.limitEntries { kept = [:] }
            kept[file] = Kept(identity: status.identity, above: above, result: result)
        }
        return try result.get()
    }

    /// Nil if there is none. What is there and cannot be looked at is broken: it may forbid something.
    private func status(of file: String) throws -> Folder.Status? {
        do throws(UVError) {
            return try host.folder.status(of: file)
        } catch {
            switch error.code {
            case UVError.notFound, UVError.notAFolder: return nil
            case UVError.tooManyOpenFiles, UVError.tooManyOpenFilesInSystem, UVError.outOfMemory: throw error
            default: throw AccessFileBroken(description: "\(host.path)/\(file): \(error.reason)")
            }
        }
    }

    private func read(
        _ file: String, _ status: Folder.Status, _ above: FolderScope
    ) -> Result<FolderScope, AccessFileBroken> {
        let path = "\(host.path)/\(file)"
        guard status.kind == .file else {
            return .failure(AccessFileBroken(description: "\(path): it is no regular file"))
        }
        do {
            guard case .file(let opened) = try host.folder.open(beneath: file), opened.size <= Self.limitBytes else {
                return .failure(AccessFileBroken(description: "\(path): more than \(Self.limitBytes) bytes"))
            }
            let bytes = try opened.read(at: 0, count: opened.size)
            let rules = try Schema.accessFile(on: above.rules).read(bytes, file: path)
            return .success(FolderScope(rules, host.folder, cache))
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
