import IgropyrCluster
import IgropyrInsight
import IgropyrTransport
import IgropyrUV

/// One of a balancer's loops, as other threads reach it.
actor BalancerLoop: LoopBound {
    nonisolated let loop: EventLoop
    private let thread: EventLoopThread
    private var proxy: Proxy?
    private let challenges = ChallengeAnswers()
    /// Sockets on which nothing is accepted yet, and what their servers will go by.
    private struct Entrance {
        var sockets: ArraySlice<(listener: Int, descriptor: Int32)>
        var listeners: [OpenListener]
        let server: HTTPServerSettings
        let clients: ClientBounds
    }
    private var entrance: Entrance?
    /// One for each listener's socket, with the listener's position.
    private var servers: [(listener: Int, server: HTTPServer)] = []
    /// On one of the loops, for all.
    private var checker: HealthChecker?

    init(name: String) throws(UVError) {
        thread = try EventLoopThread(name: name)
        loop = thread.loop
    }

    /// To accept on the sockets, which belong to the loop from here on, even if this throws, at ``accept()``.
    func start(
        on sockets: [(listener: Int, descriptor: Int32)], of listeners: [OpenListener], _ settings: BalancerSettings,
        _ snapshot: UpstreamSnapshot?, _ clients: ClientBounds, _ refusals: RefusalLog, log: AccessLogWriter?
    ) throws(UVError) {
        entrance = Entrance(sockets: sockets[...], listeners: listeners, server: settings.server, clients: clients)
        let proxy = try Proxy(
            on: loop, settings: settings, challenges, rate: clients.rate, refusals: refusals, log: log)
        self.proxy = proxy
        if let snapshot { proxy.update(snapshot) }
    }

    /// Begins to accept. Again, or once it drains, nothing.
    func accept() throws(UVError) {
        guard let proxy else { return }
        while let (number, descriptor) = entrance?.sockets.popFirst(), let entrance {
            let listener = entrance.listeners[number]
            let handler: any HTTPRequestHandler =
                listener.settings.redirectsToHTTPSPort.map { HTTPSRedirector(port: $0, challenges) } ?? proxy
            let server = try HTTPServer(
                listener: try TCPListener(on: loop, owning: descriptor),
                settings: listener.serverSettings(entrance.server), tls: listener.tls,
                awaitsTLS: listener.awaitsTLS, clients: entrance.clients.connections, handler: handler)
            servers.append((number, server))
        }
    }

    nonisolated func accept(_ take: @escaping @Sendable (UVError?) -> Void) {
        loop.submit { [self] in
            assumeIsolated {
                do throws(UVError) {
                    try $0.accept()
                    take(nil)
                } catch { take(error) }
            }
        }
    }

    /// Connections that are accepted from now on get these certificates.
    nonisolated func use(_ listeners: [OpenListener]) {
        loop.submit { [self] in
            assumeIsolated {
                $0.entrance?.listeners = listeners
                for (number, server) in $0.servers { server.tls = listeners[number].tls }
            }
        }
    }

    /// Has this loop check the workers, and call `onChange` there when one begins or ceases to fail.
    func startChecks(
        _ onChange: @escaping @Sendable (SocketAddress, _ isPassed: Bool) -> Void
    ) throws(UVError) {
        let checker = try HealthChecker(on: loop, onChange: onChange)
        self.checker = checker
        if let proxy { checker.watch(proxy.subjectsOfChecks) }
    }

    nonisolated func update(_ snapshot: UpstreamSnapshot) {
        loop.submit { [self] in
            assumeIsolated {
                guard let proxy = $0.proxy else { return }
                proxy.update(snapshot)
                $0.checker?.watch(proxy.subjectsOfChecks)
            }
        }
    }

    nonisolated func answer(_ challenge: AuthorityChallenge, _ take: @escaping @Sendable (()) -> Void) {
        loop.submit { [self] in
            assumeIsolated { $0.challenges.add(challenge) }
            take(())
        }
    }

    nonisolated func noteCheck(of address: SocketAddress, isPassed: Bool) {
        loop.submit { [self] in assumeIsolated { $0.proxy?.noteCheck(of: address, isPassed: isPassed) } }
    }

    nonisolated func hostFailed(_ host: String) {
        loop.submit { [self] in assumeIsolated { $0.proxy?.hostFailed(host) } }
    }

    nonisolated func workerFailed(at address: SocketAddress) {
        loop.submit { [self] in assumeIsolated { $0.proxy?.workerFailed(at: address) } }
    }

    nonisolated func report(_ take: @escaping @Sendable (BalancerCounters) -> Void) {
        loop.submit { [self] in assumeIsolated { take($0.counters) } }
    }

    nonisolated func reportAll(_ take: @escaping @Sendable (InsightReport) -> Void) {
        loop.submit { [self] in assumeIsolated { take($0.insightReport) } }
    }

    private var insightReport: InsightReport {
        var report = InsightReport(
            counters: counters, connections: servers.reduce(0) { $0 + $1.server.connectionCount })
        guard let proxy else { return report }
        report.upstreamConnections = proxy.pool.connectionCount
        report.applications =
            proxy.insight?.applicationReports(at: loop.now) { proxy.isAvoided($0) } ?? [:]
        return report
    }

    private var counters: BalancerCounters {
        var counters = proxy?.counters ?? BalancerCounters()
        for (_, server) in servers {
            counters.accepted &+= server.counters.accepted
            counters.refusedConnections &+= server.counters.refusedConnections &+ server.counters.refusedProxyHeaders
            counters.failedHandshakes &+= server.counters.failedHandshakes &+ server.counters.handshakeTimeouts
            counters.refused &+= server.counters.refusedRequests
        }
        return counters
    }

    /// Waits for the requests under way, then closes everything but the thread.
    func drain(timeout: Duration) async {
        for (_, descriptor) in entrance?.sockets ?? [] { Descriptor.close(descriptor) }
        entrance = nil
        checker?.close()
        guard let proxy else { return }
        proxy.beginStopping()
        for (_, server) in servers { server.drain(timeout: timeout) {} }
        for (_, server) in servers { await server.drain(timeout: timeout) }
        proxy.close()
    }

    /// - Throws: `UV_EBUSY` if something was left open.
    nonisolated func stop() async throws(UVError) { try await thread.stop() }
}
