internal import Igropyr

/// A site as its loops share it: roots opened, logs at hand.
struct SiteParts: Sendable {
    let site: Site
    let base: OpenHost
    let hosts: [OpenHost]
    /// By names that stand for themselves, which most do: where in ``hosts`` each is first.
    private let places: [String: Int]
    /// Where hosts are that have other patterns.
    private let patterned: [Int]
    private let fallback: OpenHost
    let logs: SiteLogs
    /// The one of the base when the server was started, which refused requests are in, too.
    private let firstAccessLog: SiteAccessLog?
    /// Of what programs and pages answer; files have theirs in ``FolderRules/serving``.
    let compression = Compression()

    /// What the site has, or is to have in place of what it had.
    /// - Throws: what says why it cannot be served.
    init(_ site: Site, succeeding old: SiteParts? = nil) throws {
        self.site = site
        firstAccessLog = old.map(\.firstAccessLog) ?? site.base.logs.access
        logs = try old?.logs ?? SiteLogs(site)
        if old != nil { try logs.add(site) }
        base = try OpenHost(site.base, site, logs)
        hosts = try site.hosts.map { [logs] host in try OpenHost(host, site, logs) }
        let names = site.hosts.enumerated().flatMap { place, host in
            host.patterns.compactMap { pattern in pattern.onlyName.map { ($0, place) } }
        }
        places = Dictionary(names) { first, _ in first }
        patterned = site.hosts.indices.filter { site.hosts[$0].patterns.contains { $0.onlyName == nil } }
        fallback = site.defaultHost.flatMap { [hosts] name in hosts.first { $0.settings.fits(name) } } ?? base
    }

    /// Nil for the server's own.
    func accessLogName(of host: OpenHost) -> String? {
        let log = host.settings.logs.access
        return log == firstAccessLog ? nil : log?.name ?? "none"
    }

    /// All but the server's own, by their names.
    var accessLogs: [String: AccessLog] {
        let logs = ([site.base] + site.hosts).compactMap(\.logs.access).filter { $0 != firstAccessLog }
        return Dictionary(logs.map { ($0.name, AccessLog($0.format, to: .file($0.file))) }) { first, _ in first }
    }

    /// Takes a name in lower case, without its port.
    func host(named name: String?) -> OpenHost {
        guard let name else { return fallback }
        let place = places[name]
        let earlier = patterned.first { $0 < place ?? .max && hosts[$0].settings.fits(name) }
        return (earlier ?? place).map { hosts[$0] } ?? fallback
    }
}

extension SiteAccessLog {
    fileprivate var name: String { "\(format.rawValue) \(file)" }
}

extension FolderRules {
    /// What of these is about files as they are.
    var serving: FileServing {
        var serving = FileServing()
        serving.indexNames = []  // Index files may have handlers; they are looked for before.
        serving.listing = listing
        serving.symlinks = symlinks.ofFolder
        serving.servesDotfiles = servesDotfiles
        serving.cacheControl = cacheControl
        serving.types = types
        serving.defaultType = defaultType
        if !compresses { serving.compression = nil }
        return serving
    }
}
