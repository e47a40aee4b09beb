internal import Igropyr
internal import IgropyrUV
internal import Synchronization

/// What a site is served by until its file is read anew; its loops look for the latest.
final class LatestParts: Sendable {
    private let latest: Locked<SiteParts>
    /// How often others took the place of those before.
    private let count = Atomic<Int>(0)

    init(_ parts: SiteParts) { latest = Locked(parts) }

    var number: Int { count.load(ordering: .acquiring) }
    var parts: SiteParts { latest.withLock { $0 } }

    /// Has requests from now on answered as another site says, but for what counts from the next start only. Those
    /// under way stay with what was said before. One call at a time.
    /// - Returns: The keys that count from the next start.
    /// - Throws: what says why it cannot be served; nothing has changed then.
    func replace(by site: Site, on server: RunningServer) async throws -> [String] {
        do {
            let later = try await takePlace(site, on: server)
            await closeOtherLogs(on: server)
            return later
        } catch {
            await closeOtherLogs(on: server)
            throw error
        }
    }

    private func takePlace(_ site: Site, on server: RunningServer) async throws -> [String] {
        let old = parts
        let (site, later) = site.succeeding(old.site)
        let new = try SiteParts(site, succeeding: old)
        try await server.add(new.accessLogs)
        try await server.reloadTLS(by: site.tls)
        latest.withLock { $0 = new }
        count.add(1, ordering: .releasing)
        return later
    }

    /// Those of the site before, or of one that could not take its place.
    private func closeOtherLogs(on server: RunningServer) async {
        let parts = parts
        parts.logs.keep(parts.site)
        await server.keepAccessLogs(parts.accessLogs.keys)
    }
}

extension Site {
    /// This one, but with what a server that runs cannot change as it was.
    /// - Returns: It, and the keys that say something else.
    fileprivate func succeeding(_ old: Site) -> (Site, [String]) {
        var (site, keys) = (self, [String]())
        func keep<Value: Equatable>(_ key: String, _ path: WritableKeyPath<Site, Value>) {
            if site[keyPath: path] != old[keyPath: path] { keys.append(key) }
            site[keyPath: path] = old[keyPath: path]
        }
        if address != old.address || port != old.port { keys.append("listen") }
        (site.address, site.port) = (old.address, old.port)
        keep("connections", \.connections)
        keep("loops", \.loops)
        keep("user", \.owner)
        keep("server-name", \.serverName)
        keep("redirect-http", \.redirectsFrom)
        keep("processes", \.processes)
        keep("scheme", \.scheme)
        keep("development", \.isDevelopment)
        if (tls == nil) != (old.tls == nil) {
            keys.append("tls")
            site.tls = old.tls
        }
        (site.events, site.program) = (old.events, old.program)
        return (site, keys)
    }
}
