internal import IgropyrBundles
public import IgropyrConfiguration
public import IgropyrOrchestration
internal import IgropyrText

/// What `igropyr.yaml` says of the application in whose folder it stands: values only. `docs/applications.md` has its
/// keys.
public struct Manifest: Sendable {
    public static let fileName = "igropyr.yaml"
    /// What `igropyr serve` goes by in a site's folder.
    private static let siteFileName = "site.yaml"
    static let limitBytes = 1 << 20

    /// What of the folder is bundled, and what is started.
    public enum Program: Sendable {
        /// All of it; the program's path within it.
        case command(Located<String>)
        /// A folder within it, of files to serve.
        case site(Located<String>)
    }

    /// For errors.
    public let file: String
    public var name: ApplicationName?
    /// Nil: a folder is a site, a file is a program.
    public var program: Program?
    /// Whether it says how many workers there are to be; if not, those that are deployed already stay as many as they
    /// are.
    public var namesScale = false
    /// All else. Of its revision and kind nothing is known before there is a bundle.
    public var spec: DeploymentSpec

    init(file: String) {
        self.file = file
        spec = DeploymentSpec(revision: Self.noRevision, kind: .site)
    }

    private static let noRevision = BundleDigest(rawValue: String(repeating: "0", count: 64))!

    /// Reads a file's bytes.
    /// - Throws: All that is wrong with it, with lines.
    public init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        self = try Schema.manifest(file).read(bytes, file: file)
    }

    /// Reads the file of what is to be deployed. Blocks.
    ///
    /// - Parameters:
    ///   - bundle: A folder, in which ``fileName`` may stand, or a program, which has none by itself.
    ///   - path: The file, if it is not that one; then it must be there.
    /// - Throws: All that is wrong with it; also that what it names is not in the folder.
    public init(of bundle: String, at path: String? = nil) throws(ManifestError) {
        let file = path ?? "\(bundle)/\(Self.fileName)"
        let isFolder = (try? FileSystem.status(of: FileSystem.resolved(bundle)).kind) == .folder
        guard path != nil || isFolder && FileSystem.exists(file) else {
            self.init(file: file)
            return
        }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try AtomicFile.read(FileSystem.resolved(file), limitBytes: Self.limitBytes)
        } catch { throw .file(error) }
        do throws(ConfigurationError) {
            try self.init(bytes, file: file)
            try check(in: bundle)
        } catch { throw .content(error) }
    }

    /// Whether what it names is there.
    private func check(in folder: String) throws(ConfigurationError) {
        switch program {
        case .command(let path):
            guard let status = Self.status(of: path.value, in: folder) else {
                guard !Self.hasBuild(of: path.value, in: folder) else { return }
                throw path.error("\(folder) holds no \(path.value): expected a program's path within it", in: file)
            }
            guard status.kind == .file, status.isExecutable else {
                throw path.error("\(path.value) is no program: expected a file that can be executed", in: file)
            }
        case .site(let path):
            guard Self.status(of: path.value, in: folder)?.kind == .folder else {
                throw path.error("\(folder) holds no folder \(path.value)", in: file)
            }
        case nil: break
        }
    }

    /// Whether there is the program for some machine, if not in its own place.
    private static func hasBuild(of program: String, in folder: String) -> Bool {
        let place = ([folder] + program.pathNames.dropLast()).joined(separator: "/")
        let machines = ((try? FileSystem.names(in: place)) ?? []).compactMap(ProgramMachine.init(rawValue:))
        return machines.contains { status(of: $0.variant(of: program), in: folder)?.isExecutable == true }
    }

    private static func status(of path: String, in folder: String) -> FileStatus? {
        try? FileSystem.status(of: FileSystem.resolved("\(folder)/\(path)"))
    }

    /// Archives `bundle`, or the site within, as ``BundleArchive/create(from:to:program:limits:progress:)`` does.
    /// Blocks.
    public func archive(
        _ bundle: String, to destination: String, progress: (BundleArchive.Progress) -> Void = { _ in }
    ) throws(BundleError) -> BundleArchive.Summary {
        switch program {
        case .command(let path):
            return try BundleArchive.create(from: bundle, to: destination, program: path.value, progress: progress)
        case .site(let path) where path.value != ".":
            return try BundleArchive.create(from: "\(bundle)/\(path.value)", to: destination, progress: progress)
        case .site: return try BundleArchive.create(from: bundle, to: destination, progress: progress)
        case nil:
            try checkIsMeant(bundle)
            return try BundleArchive.create(from: bundle, to: destination, progress: progress)
        }
    }

    /// A folder without a word about it is a site, unless no route leads to an index in it: then it may be a program's
    /// sources, which nobody wants to publish.
    private func checkIsMeant(_ bundle: String) throws(BundleError) {
        guard (try? FileSystem.status(of: FileSystem.resolved(bundle)).kind) == .folder else { return }
        let signs = spec.routes.map(\.indexPath) + [Self.siteFileName]
        guard !signs.contains(where: { Self.status(of: $0, in: bundle)?.kind == .file }) else { return }
        let manifest =
            Self.status(of: Self.fileName, in: bundle) == nil
            ? "it has no \(Self.fileName)" : "its \(Self.fileName) says neither `command` nor `site`"
        throw BundleError(
            .noApplication, bundle,
            "\(bundle) is no application: \(manifest), and for a site it lacks "
                + "\(spec.routes[0].indexPath). Give a program by its own path, or say in \(bundle)/\(Self.fileName) "
                + "what there is: `command: PROGRAM`, or `site: .` for files without an index")
    }

    /// The whole, once there is a bundle.
    public func spec(for summary: BundleArchive.Summary) -> DeploymentSpec {
        var spec = spec
        spec.revision = summary.digest
        spec.kind = summary.kind
        return spec
    }
}

extension Route {
    /// What a browser that goes there is shown, within a site's folder.
    fileprivate var indexPath: String { pathPrefix == "/" ? "index.html" : "\(pathPrefix.dropFirst())/index.html" }
}

/// Why a manifest is of no use.
public enum ManifestError: Error, CustomStringConvertible {
    case file(FileError)
    case content(ConfigurationError)

    public var description: String {
        switch self {
        case .file(let error): error.description
        case .content(let error): error.description
        }
    }
}
