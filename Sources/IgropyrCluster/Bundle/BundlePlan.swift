internal import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrText

/// What goes into an archive, found and judged before a byte is written.
struct BundlePlan {
    let kind: DeploymentSpec.Kind
    private(set) var entries: [BundleEntry] = []
    private(set) var totalBytes: Int64 = 0
    /// That it has programs for; empty if what it has runs on any.
    private(set) var machines: Set<ProgramMachine> = []
    private let limits: BundleArchive.Limits

    /// Follows a symbolic link at `source` itself, none below. `program` is a folder's, a path in it; nil for a site.
    init(of source: String, program: String?, limits: BundleArchive.Limits) throws(BundleError) {
        self.limits = limits
        let (root, status) = try Self.examine(source)
        switch status.kind {
        case .folder:
            kind = program.map { .executable(entry: $0) } ?? .site
            try addContents(of: root, prefix: "")
            if let program { machines = try builds(of: program, in: root) }
        case .file:
            guard status.isExecutable else {
                throw BundleError(
                    .notExecutable, source, "\(source) is a file that cannot be executed; chmod +x it, or give a folder"
                )
            }
            let name = FileSystem.name(of: source)
            kind = .executable(entry: name)
            try add(name, at: root, status)
            let machine = try BundleError.wrapping { () throws(FileError) in try ProgramMachine.ofProgram(at: root) }
            machines = Set([machine].compactMap(\.self))
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

    /// The machines that a folder has a build of its program for, each in the place that is called like it. The
    /// program's own place holds a build for one more; if that is for any, such as a script, so is the bundle.
    private func builds(of program: String, in root: String) throws(BundleError) -> Set<ProgramMachine> {
        let programs = Set(entries.filter(\.isProgram).map(\.path))
        let names = Set(programs.flatMap(\.pathNames))
        var machines: Set<ProgramMachine> = []
        for machine in names.compactMap(ProgramMachine.init(rawValue:)) {
            let variant = machine.variant(of: program)
            guard programs.contains(variant) else { continue }
            let actual = try BundleError.wrapping { () throws(FileError) in
                try ProgramMachine.ofProgram(at: "\(root)/\(variant)")
            }
            guard actual == nil || actual == machine else {
                throw BundleError(
                    .unsupportedEntry, "\(root)/\(variant)",
                    "\(root)/\(variant) is a program for \(actual?.rawValue ?? ""), not for \(machine): move it to its "
                        + "own folder")
            }
            machines.insert(machine)
        }
        guard programs.contains(program) else {
            guard machines.isEmpty else { return machines }
            throw BundleError(
                .missing, root,
                "\(root) holds no program \(program), nor a build of it such as "
                    + "\(ProgramMachine.example.variant(of: program)): name an executable file in it")
        }
        let own = try BundleError.wrapping { () throws(FileError) in
            try ProgramMachine.ofProgram(at: "\(root)/\(program)")
        }
        return own.map { machines.union([$0]) } ?? []
    }

    /// Goes down one level a call; `depth` bounds it.
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
        guard path.isPlain else {
            throw BundleError(
                .unsupportedEntry, source,
                "a name in \(FileSystem.parent(of: source)) has control characters: rename it")
        }
        guard path.pathNames.count <= limits.depth else {
            throw BundleError(.tooLarge, source, "\(source): folders more than \(limits.depth) deep; bundle less")
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
