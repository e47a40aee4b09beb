internal import Igropyr
internal import IgropyrUV
internal import Logging

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
    /// Of what programs and pages answer; files have theirs in ``FolderRules/serving``.
    let compression = Compression()

    init(_ site: Site) throws {
        self.site = site
        logs = try SiteLogs(site)
        base = try OpenHost(site.base, site, logs)
        hosts = try site.hosts.map { [logs] host in try OpenHost(host, site, logs) }
        let names = site.hosts.enumerated().flatMap { place, host in
            host.patterns.compactMap { pattern in pattern.onlyName.map { ($0, place) } }
        }
        places = Dictionary(names) { first, _ in first }
        patterned = site.hosts.indices.filter { site.hosts[$0].patterns.contains { $0.onlyName == nil } }
        fallback = site.defaultHost.flatMap { [hosts] name in hosts.first { $0.settings.fits(name) } } ?? base
    }

    /// Nil for the base's log, which refused requests are in, too.
    func accessLogName(of host: OpenHost) -> String? {
        let log = host.settings.logs.access
        return log?.file == site.base.logs.access?.file ? nil : log?.file ?? "none"
    }

    /// Takes a name in lower case, without its port.
    func host(named name: String?) -> OpenHost {
        guard let name else { return fallback }
        let place = places[name]
        let earlier = patterned.first { $0 < place ?? .max && hosts[$0].settings.fits(name) }
        return (earlier ?? place).map { hosts[$0] } ?? fallback
    }
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
