public import Igropyr
internal import IgropyrUV
internal import Logging

extension Site {
    /// Serves until a signal asks for the end or the task is cancelled, as `App.run(host:port:)` does; on the socket that a node
    /// or systemd hands over, else where ``address`` and ``port`` say.
    /// - Throws: ``SiteMistake``, `StartFailure` and their like: what keeps it from being served.
    public func run() async throws {
        let (app, logs) = try makeApp()
        do {
            // A node and systemd say themselves where clients come in.
            let redirector = ServiceContract.inherited.sockets.isEmpty ? try await startRedirecting(app.logger) : nil
            if let redirector {
                app.onReopeningLogs = {
                    logs.reopen()
                    redirector.reopenAccessLog()
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
        let (app, logs) = try makeApp()
        do {
            let redirector = try await startRedirecting(app.logger)
            do {
                let server = try await app.start(host: host, port: port)
                return RunningSite(server: server, redirector: redirector, logs: logs)
            } catch {
                try? await redirector?.stop()
                throw error
            }
        } catch {
            await logs.stop()
            throw error
        }
    }

    private func makeApp() throws -> (App, SiteLogs) {
        let parts = try SiteParts(self)
        let app = App()
        let count = loops ?? app.loops
        configure(app, parts, loops: count)
        let loops = LoopLocals(parts, count)
        app.loopWillEnd = { loop in loops.local.value(on: loop).close() }
        @Sendable func respond(to request: Request) async throws -> Response {
            guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
            return try await loops.local.value(on: loop).respond(to: request)
        }
        for method in Self.methods { app.on(method, "/**", respond: respond(to:)) }
        app.onOthers("/**", respond: respond(to:))
        return (app, parts.logs)
    }

    /// Nil if clients without TLS are not to be sent on. Before the process becomes another user's, who may not have the port.
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
        for host in hosts {
            guard let log = host.logs.access, log.file != base.logs.access?.file else { continue }
            app.accessLogs[log.file] = AccessLog(log.format, to: .file(log.file))
        }
        let logs = parts.logs
        if !logs.isEmpty { app.onReopeningLogs = { logs.reopen() } }
    }
}

/// What each loop has of a site.
private struct LoopLocals: Sendable {
    let local: LoopLocal<SiteLoop>

    init(_ parts: SiteParts, _ count: Int) {
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
    private let logs: SiteLogs

    init(server: RunningServer, redirector: RunningServer?, logs: SiteLogs) {
        self.server = server
        self.redirector = redirector
        self.logs = logs
    }

    public var address: SocketAddress { server.address }
    /// Where clients that come without TLS are sent on.
    public var redirectAddress: SocketAddress? { redirector?.address }

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
