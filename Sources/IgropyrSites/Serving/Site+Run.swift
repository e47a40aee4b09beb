public import Igropyr
internal import IgropyrUV
internal import Logging

extension Site {
    /// Serves until a signal asks for the end or the task is cancelled, as `App.run(host:port:)` does; on the socket
    /// that a node or systemd hands over, else where ``address`` and ``port`` say.
    ///
    /// SIGHUP has it read anew by `reread`, if that is given: what comes of it answers requests from then on. What is
    /// wrong with it goes to the log, and all stays as it was. What only counts from the next start, such as the
    /// address, is said.
    /// - Throws: ``SiteMistake``, `StartFailure` and their like: what keeps it from being served.
    public func run(rereading reread: (@Sendable () throws -> Site)? = nil) async throws {
        let (app, parts, logs) = try makeApp()
        if let reread { app.onReload = Self.reload(parts, reread, app.logger) }
        do {
            // A node and systemd say themselves where clients come in.
            let redirector = ServiceContract.inherited.sockets.isEmpty ? try await startRedirecting(app.logger) : nil
            if redirector != nil || reread != nil || !logs.isEmpty {
                app.onReopeningLogs = {
                    logs.reopen()
                    redirector?.reopenAccessLog()
                }
            }
            do {
                try await app.run(host: address, port: port, beside: redirector)
            } catch {
                try? await redirector?.stop()
                throw error
            }
        } catch {
            await logs.stop()
            throw error
        }
        await logs.stop()
    }

    /// Serves on an address until ``RunningSite/stop()``. Looks at neither signals nor the environment.
    public func start(host: String = "127.0.0.1", port: UInt16 = 0) async throws -> RunningSite {
        let (app, parts, logs) = try makeApp()
        do {
            let redirector = try await startRedirecting(app.logger)
            do {
                let server = try await app.start(host: host, port: port)
                return RunningSite(server: server, redirector: redirector, parts: parts, logs: logs)
            } catch {
                try? await redirector?.stop()
                throw error
            }
        } catch {
            await logs.stop()
            throw error
        }
    }

    private static func reload(
        _ parts: LatestParts, _ reread: @escaping @Sendable () throws -> Site, _ logger: Logger
    ) -> @Sendable (RunningServer) async -> Bool {
        { server in
            do {
                let later = try await parts.replace(by: try reread(), on: server)
                logger.info("the site's file, and the certificates that it names, were read anew")
                if !later.isEmpty {
                    logger.warning(
                        "a part of the site's file counts from the next start",
                        metadata: ["keys": "\(later.joined(separator: ", "))"])
                }
                return true
            } catch {
                logger.error("the site stays as it was", metadata: ["reason": "\(error)"])
                return false
            }
        }
    }

    private func makeApp() throws -> (App, LatestParts, SiteLogs) {
        let parts = try SiteParts(self)
        let latest = LatestParts(parts)
        let app = App()
        let count = loops ?? app.loops
        configure(app, parts, loops: count)
        let loops = LoopLocals(latest, count)
        app.loopWillEnd = { loop in loops.local.value(on: loop).close() }
        @Sendable func respond(to request: Request) async throws -> Response {
            guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
            return try await loops.local.value(on: loop).respond(to: request)
        }
        for method in Self.methods { app.on(method, "/**", respond: respond(to:)) }
        app.onOthers("/**", respond: respond(to:))
        return (app, latest, parts.logs)
    }

    /// Nil if clients without TLS are not to be sent on. Before the process becomes another user's, who may not have
    /// the port.
    private func startRedirecting(_ logger: Logger) async throws -> RunningServer? {
        guard let place = redirectsFrom else { return nil }
        let app = App()
        app.loops = 1
        app.logger = logger
        app.server.connections = connections
        app.server.serverName = serverName
        app.use(HTTPSRedirect(port: port ?? 443))
        app.accessLogLine = events.accessLogLine
        app.accessLog = base.logs.access.map { AccessLog($0.format, to: .file($0.file)) }
        return try await app.start(host: place.host, port: place.port)
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options]

    private func configure(_ app: App, _ parts: SiteParts, loops: Int) {
        app.loops = loops
        app.server.connections = (connections + loops - 1) / loops
        app.server.serverName = serverName
        if let idleTimeout { app.server.idleTimeout = idleTimeout }
        app.tls = tls
        app.owner = owner
        app.logger = parts.base.log
        // Folders have limits of their own, and programs their own time.
        app.bodyLimit = .max
        app.timeout = nil
        app.accessLogLine = events.accessLogLine
        app.accessLog = base.logs.access.map { AccessLog($0.format, to: .file($0.file)) }
        app.accessLogs = parts.accessLogs
    }
}

/// What each loop has of a site.
private struct LoopLocals: Sendable {
    let local: LoopLocal<SiteLoop>

    init(_ parts: LatestParts, _ count: Int) {
        local = LoopLocal {
            guard let loop = EventLoop.current else { preconditionFailure("made on a loop") }
            return SiteLoop(parts, loop, loops: count)
        }
    }
}

/// A site that is served until ``stop()``.
public final class RunningSite: Sendable {
    private let server: RunningServer
    /// What sends clients without TLS on.
    private let redirector: RunningServer?
    private let parts: LatestParts
    private let logs: SiteLogs

    init(server: RunningServer, redirector: RunningServer?, parts: LatestParts, logs: SiteLogs) {
        self.server = server
        self.redirector = redirector
        self.parts = parts
        self.logs = logs
    }

    public var address: SocketAddress { server.address }
    /// Where clients that come without TLS are sent on.
    public var redirectAddress: SocketAddress? { redirector?.address }

    /// Has requests from now on answered as `site` says, as SIGHUP does with what the site's file says then; those
    /// under way stay with what was said before. One call at a time.
    /// - Returns: The keys of a site's file that say something new and count from the next start only.
    /// - Throws: what says why it cannot be served; all stays as it was then.
    @discardableResult
    public func replace(by site: Site) async throws -> [String] { try await parts.replace(by: site, on: server) }

    /// Opens all logs by their names again, as SIGUSR1 does.
    public func reopenLogs() {
        server.reopenAccessLog()
        redirector?.reopenAccessLog()
        logs.reopen()
    }

    /// Returns when the requests in flight have been answered, or cut after the time there is.
    public func stop() async throws {
        async let redirectorEnd: Void = redirector?.stop() ?? ()
        try await server.stop()
        try await redirectorEnd
        await logs.stop()
    }
}
