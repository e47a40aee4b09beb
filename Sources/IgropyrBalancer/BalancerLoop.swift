import IgropyrInsight
import IgropyrTransport
import IgropyrUV

/// One of a balancer's loops, as other threads reach it.
actor BalancerLoop: LoopBound {
    nonisolated let loop: EventLoop
    private let thread: EventLoopThread
    private var proxy: Proxy?
    private var server: HTTPServer?
    /// On one of the loops, for all.
    private var checker: HealthChecker?

    init(name: String) throws(UVError) {
        thread = try EventLoopThread(name: name)
        loop = thread.loop
    }

    /// Begins to accept on the socket, which belongs to the loop from here on.
    func start(
        on socket: Int32, _ settings: BalancerSettings, _ snapshot: UpstreamSnapshot?, log: AccessLogWriter?
    ) throws(UVError) {
        let listener = try TCPListener(on: loop, owning: socket)
        let proxy: Proxy
        do throws(UVError) {
            proxy = try Proxy(on: loop, settings: settings, log: log)
        } catch {
            listener.close()
            throw error
        }
        do throws(UVError) {
            server = try HTTPServer(listener: listener, settings: settings.server, handler: proxy)
        } catch {
            proxy.close()
            throw error
        }
        self.proxy = proxy
        if let snapshot { proxy.update(snapshot) }
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
        var report = InsightReport(counters: counters, connections: server?.connectionCount ?? 0)
        guard let proxy else { return report }
        report.upstreamConnections = proxy.pool.connectionCount
        report.applications =
            proxy.insight?.applicationReports(at: loop.now) { proxy.isAvoided($0) } ?? [:]
        return report
    }

    private var counters: BalancerCounters {
        var counters = proxy?.counters ?? BalancerCounters()
        if let server {
            counters.accepted = server.counters.accepted
            counters.refused &+= server.counters.refusedRequests
        }
        return counters
    }

    /// Waits for the requests under way, then closes everything but the thread.
    func drain(timeout: Duration) async {
        checker?.close()
        guard let proxy, let server else { return }
        proxy.beginStopping()
        await withCheckedContinuation { continuation in
            server.drain(timeout: timeout) { continuation.resume() }
        }
        proxy.close()
    }

    /// - Throws: `UV_EBUSY` if something was left open.
    nonisolated func stop() async throws(UVError) { try await thread.stop() }
}
