public import IgropyrUV

/// Proxies HTTP requests to workers by consistent hash. Knows nothing of a cluster: it is given snapshots.
///
/// Requests are repeated on another worker only if nothing of the response has gone to the client and either no worker
/// can have received the request, or its method is idempotent and its body still in memory; see ``BalancerSettings`` for
/// the bounds. All its calls are for any thread.
public final class Balancer: Sendable {
    private enum State: Sendable {
        case running([BalancerLoop])
        case stopped(BalancerCounters)
    }

    /// Where clients reach it.
    public let address: SocketAddress
    private let latest: Locked<UpstreamSnapshot?>
    /// Loops are reached under the lock only: none may be called once its thread has ended.
    private let state: Locked<State>
    private let end = SharedTask<UVError>()

    /// For ``Successor``; the loops have descriptors of their own.
    private let sockets: Locked<[Int32]>

    private init(address: SocketAddress, sockets: [Int32], loops: [BalancerLoop], snapshot: UpstreamSnapshot?) {
        self.address = address
        self.sockets = Locked(sockets)
        latest = Locked(snapshot)
        state = Locked(.running(loops))
    }

    /// Listens and accepts. Without a snapshot requests wait for the first one, as they do when there is no worker.
    /// - Throws: What binding the address answers: `UV_EADDRINUSE`, also if another balancer has the port.
    public static func start(
        _ settings: BalancerSettings, snapshot: UpstreamSnapshot? = nil
    ) async throws(UVError) -> Balancer {
        let (sockets, address) = try settings.listen.open(max(1, settings.loops))
        let loops = try await serve(on: sockets, settings, snapshot)
        let balancer = Balancer(address: address, sockets: sockets, loops: loops, snapshot: snapshot)
        do throws(UVError) {
            try await loops[0].startChecks { [weak balancer] address, isPassed in
                balancer?.forEachLoop { $0.noteCheck(of: address, isPassed: isPassed) }
            }
        } catch {
            try? await balancer.stop(timeout: .zero)
            throw error
        }
        return balancer
    }

    /// A loop for a duplicate of each socket. When one cannot be had, none is left and every socket is closed.
    private static func serve(
        on sockets: [Int32], _ settings: BalancerSettings, _ snapshot: UpstreamSnapshot?
    ) async throws(UVError) -> [BalancerLoop] {
        var loops: [BalancerLoop] = []
        do throws(UVError) {
            for (number, socket) in sockets.enumerated() {
                let loop = try BalancerLoop(name: "balancer-\(number)")
                loops.append(loop)
                try await loop.start(on: try ListeningSocket.duplicate(socket), settings, snapshot)
            }
        } catch {
            for loop in loops {
                await loop.drain(timeout: .zero)
                try? await loop.stop()
            }
            for socket in sockets { ListeningSocket.close(socket) }
            throw error
        }
        return loops
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
            let (parts, ask) = AsyncStream.makeStream(of: BalancerCounters.self)
            var total = state.withLock { state in
                switch state {
                case .running(let loops):
                    for loop in loops { loop.report { ask.yield($0) } }
                    return (counters: BalancerCounters(), missing: loops.count)
                case .stopped(let counters): return (counters, 0)
                }
            }
            guard total.missing > 0 else { return total.counters }
            for await part in parts {
                total.counters += part
                total.missing -= 1
                if total.missing == 0 { break }
            }
            return total.counters
        }
    }

    /// Stops accepting, lets requests under way finish for as long as `timeout`, then ends the threads. Called again, it
    /// waits, too, but the first call's `timeout` holds; it goes on if the caller is cancelled.
    /// - Throws: `UV_EBUSY` if something was left open on a loop: a fault of ours.
    public func stop(timeout: Duration) async throws(UVError) {
        try await end.run { [self] () throws(UVError) in
            guard case .running(let loops) = state.withLock({ $0 }) else { return }
            sockets.withLock { sockets in
                for socket in sockets { ListeningSocket.close(socket) }
                sockets = []
            }
            await withTaskGroup { group in
                for loop in loops { group.addTask { await loop.drain(timeout: timeout) } }
            }
            let counters = await counters
            state.withLock { $0 = .stopped(counters) }
            for loop in loops { try await loop.stop() }
        }
    }
}
