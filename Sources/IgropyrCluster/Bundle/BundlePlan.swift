internal import IgropyrOrchestration

/// What goes into an archive, found and judged before a byte is written.
struct BundlePlan {
    let kind: DeploymentSpec.Kind
    private(set) var entries: [BundleEntry] = []
    private(set) var totalBytes: Int64 = 0
    private let limits: BundleArchive.Limits

    /// Follows a symbolic link at `source` itself, none below.
    init(of source: String, limits: BundleArchive.Limits) throws(BundleError) {
        self.limits = limits
        let (root, status) = try Self.examine(source)
        switch status.kind {
        case .folder:
            kind = .site
            try addContents(of: root, prefix: "")
        case .file:
            guard status.isExecutable else {
                throw BundleError(
                    .notExecutable, source, "\(source) is a file that cannot be executed; chmod +x it, or give a folder"
                )
            }
            let name = FileSystem.name(of: source)
            kind = .executable(entry: name)
            try add(name, at: root, status)
        case .link, .socket, .fifo, .device:
            throw BundleError(
                .unsupportedEntry, source, "\(source) is a \(status.kind); give a folder or an executable file")
        }
        entries.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    private static func examine(_ source: String) throws(BundleError) -> (String, FileStatus) {
        do {
            let root = try FileSystem.resolved(source)
            return (root, try FileSystem.status(of: root))
        } catch {
            guard error.isMissing else { throw BundleError(error) }
            throw BundleError(.missing, source, "\(source) does not exist; give a folder or an executable file")
        }
    }

    /// Goes down one level a call; `pathBytes` bounds the depth.
    private mutating func addContents(of folder: String, prefix: String) throws(BundleError) {
        let names = try BundleError.wrapping { () throws(FileError) in try FileSystem.names(in: folder) }
        for name in names where prefix + name != Manifest.fileName {  // It is for whoever deploys, not for who serves.
            let source = "\(folder)/\(name)"
            let status = try BundleError.wrapping { () throws(FileError) in try FileSystem.status(of: source) }
            try add(prefix + name, at: source, status)
            if status.kind == .folder { try addContents(of: source, prefix: "\(prefix)\(name)/") }
        }
    }

    private mutating func add(_ path: String, at source: String, _ status: FileStatus) throws(BundleError) {
        guard path.utf8.count <= limits.pathBytes else {
            throw BundleError(.tooLarge, source, "\(source): a path of more than \(limits.pathBytes) bytes")
        }
        guard entries.count < limits.entries else {
            throw BundleError(
                .tooManyEntries, source, "more than \(limits.entries) files and folders; bundle less or raise the limit"
            )
        }
        entries.append(BundleEntry(path: path, content: try content(path, at: source, status)))
    }

    private mutating func content(
        _ path: String, at source: String, _ status: FileStatus
    ) throws(BundleError) -> BundleEntry.Content {
        switch status.kind {
        case .folder: return .folder
        case .file:
            try count(status.byteCount, source)
            return .file(byteCount: status.byteCount, isExecutable: status.isExecutable, source: source)
        case .link:
            let target = try BundleError.wrapping { () throws(FileError) in try FileSystem.linkTarget(of: source) }
            guard target.utf8.count <= limits.pathBytes, BundleEntry.staysInside(link: path, target: target) else {
                throw BundleError(
                    .escapes, source,
                    "\(source) links to \(target): only links that stay inside can be bundled, relative and with `..` "
                        + "at the start only; replace it by what it points to")
            }
            return .link(target: target)
        case .socket, .fifo, .device:
            throw BundleError(
                .unsupportedEntry, source, "\(source) is a \(status.kind), which cannot be bundled; remove it")
        }
    }

    private mutating func count(_ byteCount: Int64, _ source: String) throws(BundleError) {
        guard byteCount <= limits.totalBytes - totalBytes else {
            throw BundleError(
                .tooLarge, source,
                "\(source): with it the bundle exceeds \(limits.totalBytes) bytes; bundle less or raise the limit")
        }
        totalBytes += byteCount
    }
}
