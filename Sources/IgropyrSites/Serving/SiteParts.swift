internal import FoundationEssentials
internal import Igropyr
internal import IgropyrUV
internal import Logging

/// A site as its loops share it: roots opened, logs at hand.
struct SiteParts: Sendable {
    let site: Site
    let base: OpenHost
    let hosts: [OpenHost]
    let logs: SiteLogs
    /// Of what programs and pages answer; files have theirs in ``FolderRules/serving``.
    let compression = Compression()

    init(_ site: Site) throws {
        self.site = site
        logs = try SiteLogs(site)
        base = try OpenHost(site.base, site, logs)
        hosts = try site.hosts.map { [logs] host in try OpenHost(host, site, logs) }
    }

    /// Nil for the base's log, which refused requests are in, too.
    func accessLogName(of host: OpenHost) -> String? {
        let log = host.settings.logs.access
        return log?.file == site.base.logs.access?.file ? nil : log?.file ?? "none"
    }

    /// Takes a name in lower case, without its port.
    func host(named name: String?) -> OpenHost {
        if let name, let host = hosts.first(where: { $0.settings.fits(name) }) { return host }
        guard let fallback = site.defaultHost else { return base }
        return hosts.first { $0.settings.fits(fallback) } ?? base
    }
}

/// One host of a site, ready to be served.
final class OpenHost: Sendable {
    let settings: SiteHost
    let folder: Folder
    /// The root's path without links, to hand to programs.
    let path: String
    let log: Logger
    /// Paths beneath the root that are never served.
    private let hidden: Set<String>

    init(_ settings: SiteHost, _ site: Site, _ logs: SiteLogs) throws {
        self.settings = settings
        folder = try settings.openRoot()
        try settings.rules.serving.check()
        let path = URL(filePath: settings.root).resolvingSymlinksInPath().path
        self.path = path
        log = logs.logger(for: settings.logs)
        hidden = Set(
            site.hiddenFiles.compactMap { file in
                let file = URL(filePath: file).resolvingSymlinksInPath().path
                return file.hasPrefix(path + "/") ? String(file.dropFirst(path.utf8.count + 1)) : nil
            })
    }

    /// Whether nobody may see what stands at the path beneath the root.
    func hides(_ path: String) -> Bool {
        if hidden.contains(path) { return true }
        guard let accessFile = settings.accessFile else { return false }
        return path == accessFile || path.hasSuffix("/" + accessFile)
    }
}

extension SiteHost {
    func openRoot() throws -> Folder {
        do throws(UVError) {
            return try Folder(root, symlinks: rules.symlinks == .within ? .beneath : .refused)
        } catch {
            throw FolderUnusable(path: root, reason: error.reason)
        }
    }

    func fits(_ name: String) -> Bool { patterns.contains { $0.fits(name) } }
}

extension Site {
    func host(named name: String) -> SiteHost? { hosts.first { $0.fits(name) } }
}

extension FolderRules {
    /// What of these is about files as they are.
    var serving: FileServing {
        var serving = FileServing()
        serving.indexNames = []  // Index files may have handlers; they are looked for before.
        serving.listing = listing
        serving.symlinks = symlinks == .within ? .beneath : .refused
        serving.servesDotfiles = servesDotfiles
        serving.cacheControl = cacheControl
        serving.types = types
        serving.defaultType = defaultType
        if !compresses { serving.compression = nil }
        return serving
    }
}
