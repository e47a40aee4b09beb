internal import FoundationEssentials
internal import Igropyr
internal import IgropyrText
internal import IgropyrUV
internal import Logging

/// One host of a site, ready to be served.
final class OpenHost: Sendable {
    let settings: SiteHost
    let log: Logger
    private let hiddenFiles: Set<String>
    private let latest: Locked<OpenRoot>

    init(_ settings: SiteHost, _ site: Site, _ logs: SiteLogs) throws {
        self.settings = settings
        log = logs.logger(for: settings.logs)
        hiddenFiles = site.hiddenFiles
        try settings.rules.serving.check()
        latest = Locked(try OpenRoot(settings, site.hiddenFiles))
    }

    var root: OpenRoot { latest.withLock { $0 } }

    /// Opens the root by its name again, if another folder has it by now: a release that a link leads to is changed by
    /// replacing the link. While none can be opened, the last one stays. For any loop.
    func lookAgain() -> OpenRoot {
        latest.withLock { latest in
            guard let folder = try? settings.openRoot(), !latest.folder.isSame(as: folder) else { return latest }
            if let new = try? OpenRoot(settings, hiddenFiles) { latest = new }
            return latest
        }
    }
}

/// The folder that a host's root is, or was: requests under way stay with it.
final class OpenRoot: Sendable {
    let folder: Folder
    /// Its whole path without links, to hand to programs.
    let path: String
    let accessFiles = AccessFiles()
    private let accessFile: String?
    /// Paths beneath it that are never served.
    private let hidden: Set<String>

    /// - Throws: ``FolderUnusable``.
    init(_ settings: SiteHost, _ hiddenFiles: Set<String>) throws {
        folder = try settings.openRoot()
        // Afterwards: if the name changes hands between the two, the next look finds another folder.
        let path = Self.withoutLinks(settings.root)
        self.path = path
        accessFile = settings.accessFile
        hidden = Set(hiddenFiles.compactMap { Self.withoutLinks($0).path(beneath: path) })
    }

    private static func withoutLinks(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }

    /// Whether nobody may see what stands at the path beneath it.
    func hides(_ path: String) -> Bool {
        if hidden.contains(path) { return true }
        guard let accessFile else { return false }
        return path.pathNames.last == accessFile
    }
}

extension Folder {
    /// Whether both are open on one folder.
    func isSame(as other: Folder) -> Bool {
        guard let one = try? status(of: "").identity, let two = try? other.status(of: "").identity else { return false }
        return one.inode == two.inode && one.device == two.device
    }
}

extension SiteHost {
    func openRoot() throws -> Folder {
        do throws(UVError) {
            return try Folder(root, symlinks: rules.symlinks.ofFolder)
        } catch {
            throw FolderUnusable(path: root, reason: error.reason)
        }
    }

    func fits(_ name: String) -> Bool { patterns.contains { $0.fits(name) } }
}

extension Site {
    func host(named name: String) -> SiteHost? { hosts.first { $0.fits(name) } }
}
