import IgropyrCluster
import IgropyrInsight
public import IgropyrTransport
public import IgropyrUV
import Logging

/// Proxies HTTP requests to workers by consistent hash. Knows nothing of a cluster: it is given snapshots.
///
/// Requests are repeated on another worker only if nothing of the response has gone to the client and either no worker
/// can have received the request, or its method is idempotent and its body still in memory; see ``BalancerSettings``
/// for the bounds. All its calls are for any thread.
public final class Balancer: Sendable {
    private enum State: Sendable {
        case running([BalancerLoop])
        case stopped(BalancerCounters)
    }

    /// Where clients reach it, by its first listener.
    public var address: SocketAddress { addresses[0] }
    /// Where clients reach it, in the order of ``BalancerSettings/listeners``.
    public let addresses: [SocketAddress]
    private let listeners: Locked<[OpenListener]>
    /// For the listeners that await some; nil if they still do.
    private let certificates = Locked<[TLSConfiguration.Certificate]?>(nil)
    private let logger: Logger
    /// Where ``InsightSettings/admin`` is answered; nil if it is not.
    public let adminAddress: SocketAddress?
    private let accessLog: AccessLogWriter?
    private let admin: AdminServer?
    private let isDraining = Locked(false)
    private let latest: Locked<UpstreamSnapshot?>
    /// Loops are reached under the lock only: none may be called once its thread has ended.
    private let state: Locked<State>
    private let end = SharedTask<UVError>()

    /// For ``startSuccessor(_:within:on:)``; the loops have descriptors of their own.
    private let sockets: Locked<[Int32]>
    /// Likewise: ``ServiceContract/askedAddresses``.
    let askedAddresses: [SocketAddress: SocketAddress]

    private init(
        _ listeners: [OpenListener], at addresses: [SocketAddress], sockets: [[Int32]], loops: [BalancerLoop],
        snapshot: UpstreamSnapshot?, _ insight: Insight, _ logger: Logger
    ) {
        self.listeners = Locked(listeners)
        self.logger = logger
        self.addresses = addresses
        (adminAddress, accessLog, admin) = (insight.adminAddress, insight.accessLog, insight.admin)
        self.sockets = Locked(sockets.flatMap(\.self))
        askedAddresses = listeners.map(\.settings).askedAddresses(of: sockets)
        latest = Locked(snapshot)
        state = Locked(.running(loops))
    }

    /// Listens and accepts, or does that at ``accept()``. Without a snapshot requests wait for the first one, as they
    /// do when there is no worker.
    /// - Throws: ``ListenFailure`` that says which address cannot be had: `UV_EADDRINUSE`, also if another balancer has
    ///   the port. `TLSError` from reading certificates. ``InsightFailure`` if the access log or the admin address
    ///   cannot be had.
    public static func start(
        _ settings: BalancerSettings, snapshot: UpstreamSnapshot? = nil, accepts: Bool = true
    ) async throws -> Balancer {
        let logger = settings.insight.logger
        let listeners = try settings.listeners.map { listener throws(TLSError) in
            try OpenListener(listener, nil, logger)
        }
        let insight = try await Insight(settings.insight, isSuccessor: settings.isSuccessor)
        let balancer: Balancer
        do {
            let (sockets, addresses) = try open(settings)
            let loops = try await serve(listeners, on: sockets, settings, snapshot, log: insight.accessLog)
            balancer = Balancer(
                listeners, at: addresses, sockets: sockets, loops: loops, snapshot: snapshot, insight, logger)
        } catch {
            await insight.stop()
            throw error
        }
        do {
            if case .running(let loops) = balancer.state.withLock({ $0 }) {
                try await loops.first?.startChecks { [weak balancer] address, isPassed in
                    balancer?.forEachLoop { $0.noteCheck(of: address, isPassed: isPassed) }
                }
            }
            if accepts { try await balancer.accept() }
            try await insight.admin?.serve(balancer)
        } catch {
            try? await balancer.stop(timeout: .zero)
            throw error
        }
        return balancer
    }

    /// Begins to accept, unless it does or is stopping.
    public func accept() async throws(UVError) {
        let outcomes: [UVError?]? = await collect { $0.accept($1) }
        for case let failure? in outcomes ?? [] { throw failure }
    }

    /// The sockets of each listener, at least one for each loop.
    private static func open(
        _ settings: BalancerSettings
    ) throws(ListenFailure) -> (sockets: [[Int32]], addresses: [SocketAddress]) {
        var sockets: [[Int32]] = []
        var addresses: [SocketAddress] = []
        for listener in settings.listeners {
            do throws(UVError) {
                let (own, address) = try listener.source.open(
                    max(1, settings.loops), sharesPort: listener.sharesPort)
                sockets.append(own)
                addresses.append(address)
            } catch {
                for socket in sockets.joined() { Descriptor.close(socket) }
                throw ListenFailure(source: listener.source, error: error)
            }
        }
        return (sockets, addresses)
    }

    /// Loops with duplicates of the sockets. When one cannot be had, none is left and every socket is closed.
    private static func serve(
        _ listeners: [OpenListener], on sockets: [[Int32]], _ settings: BalancerSettings, _ snapshot: UpstreamSnapshot?,
        log: AccessLogWriter?
    ) async throws(UVError) -> [BalancerLoop] {
        let (clients, refusals) = (ClientBounds(settings), RefusalLog(settings.insight.logger))
        let count = sockets.map(\.count).max() ?? 1
        var loops: [BalancerLoop] = []
        do throws(UVError) {
            for number in 0..<count {
                let loop = try BalancerLoop(name: "balancer-\(number)")
                loops.append(loop)
                var own: [(listener: Int, descriptor: Int32)] = []
                do throws(UVError) {
                    for (listener, sockets) in sockets.enumerated() where number < sockets.count {
                        own.append((listener, try Descriptor.duplicate(sockets[number])))
                    }
                } catch {
                    for (_, descriptor) in own { Descriptor.close(descriptor) }
                    throw error
                }
                try await loop.start(on: own, of: listeners, settings, snapshot, clients, refusals, log: log)
            }
        } catch {
            for loop in loops {
                await loop.drain(timeout: .zero)
                try? await loop.stop()
            }
            for socket in sockets.joined() { Descriptor.close(socket) }
            throw error
        }
        return loops
    }

    /// Reads the certificates' files anew. Connections from then on get the new ones; sessions still resume.
    /// - Throws: what is wrong with them; then all goes on as before.
    public func reloadCertificates() throws(TLSError) { try renewCertificates { _ in true } }

    private func renewCertificates(of areMeant: (OpenListener) -> Bool) throws(TLSError) {
        let given = certificates.withLock { $0 }
        var listeners = listeners.withLock { $0 }
        for (number, old) in listeners.enumerated() where areMeant(old) {
            listeners[number] = try OpenListener(old.settings, given, succeeding: old.tls, logger)
        }
        let renewed = listeners
        self.listeners.withLock { $0 = renewed }
        forEachLoop { $0.use(renewed) }
    }

    /// Whether a listener awaits certificates.
    var awaitsCertificates: Bool {
        listeners.withLock { $0.contains(where: \.awaitsCertificates) }
    }

    /// Has the listeners that await certificates show these, from the next connection on, in place of those before.
    /// Until the first call nobody is accepted there, and waits; without any certificate handshakes fail. Other
    /// listeners' files are not read.
    /// - Throws: what is wrong with them; then all goes on as before.
    public func use(_ certificates: [TLSConfiguration.Certificate]) throws(TLSError) {
        let former = self.certificates.withLock { held in
            defer { held = certificates }
            return held
        }
        do throws(TLSError) {
            try renewCertificates(of: \.awaitsCertificates)
        } catch {
            self.certificates.withLock { $0 = former }
            throw error
        }
    }

    /// Lends the listening sockets, to be given to another process; they stay open for the length of the call.
    func withSockets<Result>(_ body: ([Int32]) throws -> Result) rethrows -> Result {
        try sockets.withLock { try body($0) }
    }

    /// What requests go by now.
    public var snapshot: UpstreamSnapshot? { latest.withLock { $0 } }

    /// Has further requests go by this snapshot. Those under way on workers that are not in it any more may finish.
    public func update(_ snapshot: UpstreamSnapshot) {
        latest.withLock { $0 = snapshot }
        forEachLoop { $0.update(snapshot) }
    }

    /// Has every listener answer that challenge, once this returns.
    func answer(_ challenge: AuthorityChallenge) async {
        let _: [Void]? = await collect { $0.answer(challenge, $1) }
    }

    /// Ends at once what is under way on a host that is known to be dead, be it in the snapshot or in an earlier one:
    /// what may be repeated is repeated elsewhere.
    public func hostFailed(_ host: String) { forEachLoop { $0.hostFailed(host) } }

    /// The same for one worker: one that died and whose socket, which its host still has, nobody serves for a while.
    public func workerFailed(at address: SocketAddress) { forEachLoop { $0.workerFailed(at: address) } }

    private func forEachLoop(_ body: (BalancerLoop) -> Void) {
        state.withLock { state in
            if case .running(let loops) = state { loops.forEach(body) }
        }
    }

    /// The sum over all loops; after ``stop(timeout:)`` that at its end.
    public var counters: BalancerCounters {
        get async {
            if let parts = await collect({ $0.report($1) }) {
                return parts.reduce(into: BalancerCounters()) { $0 += $1 }
            }
            guard case .stopped(let counters) = state.withLock({ $0 }) else { return BalancerCounters() }
            return counters
        }
    }

    /// What each loop answers, in no order; nil once they have ended.
    private func collect<Part: Sendable>(
        _ ask: (BalancerLoop, @escaping @Sendable (Part) -> Void) -> Void
    ) async -> [Part]? {
        let (answers, continuation) = AsyncStream.makeStream(of: Part.self)
        let count: Int? = state.withLock { state in
            guard case .running(let loops) = state else { return nil }
            for loop in loops { ask(loop) { continuation.yield($0) } }
            return loops.count
        }
        guard let count else { return nil }
        var parts: [Part] = []
        for await part in answers {
            parts.append(part)
            if parts.count == count { break }
        }
        return parts
    }

    /// Stops accepting, lets requests under way finish for as long as `timeout`, then ends the threads. Called again,
    /// it waits, too, but the first call's `timeout` holds; it goes on if the caller is cancelled.
    /// - Throws: `UV_EBUSY` if something was left open on a loop: a fault of ours.
    public func stop(timeout: Duration) async throws(UVError) {
        try await end.run { [self] () throws(UVError) in
            isDraining.withLock { $0 = true }
            guard case .running(let loops) = state.withLock({ $0 }) else { return }
            sockets.withLock { sockets in
                for socket in sockets { Descriptor.close(socket) }
                sockets = []
            }
            await withTaskGroup { group in
                for loop in loops { group.addTask { await loop.drain(timeout: timeout) } }
            }
            let counters = await counters
            state.withLock { $0 = .stopped(counters) }
            var failure: UVError?
            for loop in loops {
                do throws(UVError) { try await loop.stop() } catch { failure = error }
            }
            await accessLog?.stop()
            try await admin?.stop()
            if let failure { throw failure }
        }
    }
}

extension Balancer {
    /// Opens the file of ``InsightSettings/accessLog`` by its name again, soon: call it after the old one was moved
    /// away. If that fails, lines go on to the old one, and the program's log says why.
    public func reopenAccessLog() { accessLog?.reopen() }

    /// Lines that were not written, since they came faster than the disk takes them, or it failed.
    public var droppedAccessLogLines: Int { accessLog?.droppedLines ?? 0 }

    /// Whether requests should come here, as far as can be said without asking a loop.
    var health: BalancerHealth {
        if isDraining.withLock({ $0 }) { return .draining }
        return snapshot?.lacksWorkers ?? true ? .noWorkers : .serving
    }

    /// The sum over all loops; nil if one does not report in time, since a sum without it would go back.
    func report(within timeout: Duration) async -> InsightReport? {
        await withTaskGroup(of: InsightReport?.self) { group in
            group.addTask { [self] in await collect { $0.reportAll($1) }?.reduce(into: InsightReport()) { $0 += $1 } }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}

/// Why a balancer cannot listen, and where.
public struct ListenFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public var source: SocketSource
    public var error: UVError

    public var description: String {
        switch source {
        case .address(let address): "cannot listen on \(address): \(error.listeningAdvice(at: address))"
        case .inherited: "the sockets that were handed over cannot be used: \(error.reason)"
        }
    }
}
