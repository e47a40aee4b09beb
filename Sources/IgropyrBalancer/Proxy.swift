import IgropyrHTTP
import IgropyrTime
import IgropyrTransport
import IgropyrUV

/// One loop's proxy: hands each request to an exchange and keeps what exchanges share. Stays on its loop.
final class Proxy: HTTPRequestHandler {
    let settings: BalancerSettings
    let pool: HTTPConnectionPool
    let wheel: TimerWheel
    var counters = BalancerCounters()
    var budget: RetryBudget
    var memory = RefusalMemory()
    private(set) var snapshot: UpstreamSnapshot?
    /// Waiting for a worker, longest first.
    private var held: [ProxyExchange] = []
    /// The hosts of all workers that connections may still be open to, those of earlier snapshots among them.
    private var hosts: [SocketAddress: String] = [:]
    private var isStopping = false

    init(on loop: EventLoop, settings: BalancerSettings) throws(UVError) {
        self.settings = settings
        wheel = try TimerWheel(on: loop)
        do throws(UVError) {
            pool = try HTTPConnectionPool(on: loop, settings: settings.client)
        } catch {
            wheel.close()
            throw error
        }
        budget = RetryBudget(settings.retryBudget, at: loop.now)
    }

    var loop: EventLoop { pool.loop }
    var now: Timestamp { loop.now }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        counters.requests &+= 1
        budget.noteRequest()
        ProxyExchange(connection, proxy: self, head, bytes).start(head, bytes)
    }

    // MARK: Snapshots

    /// Requests under way end where they are; waiting ones are tried at once.
    func update(_ snapshot: UpstreamSnapshot) {
        let known = Set((self.snapshot?.workers ?? []).map(\.address))
        self.snapshot = snapshot
        let workers = snapshot.workers
        for worker in workers where !known.contains(worker.address) { memory.forget(worker.address) }
        hosts = hosts.filter { pool.isConnected(to: $0.key) }
        for worker in workers { hosts[worker.address] = worker.host }
        memory.keep(Set(hosts.keys))
        let waiting = held
        held = []
        for exchange in waiting { exchange.tryAgain() }
    }

    /// Fails what is under way there, so that it is repeated elsewhere where that is safe.
    func hostFailed(_ host: String) {
        for (address, name) in hosts where name == host { workerFailed(at: address) }
    }

    func workerFailed(at address: SocketAddress) {
        memory.noteRefusal(by: address, at: now)
        pool.disconnect(from: address)
    }

    // MARK: Waiting

    /// Keeps an exchange until there is a new snapshot.
    /// - Returns: false if too many wait already.
    func hold(_ exchange: ProxyExchange) -> Bool {
        guard held.count < settings.heldRequests, !isStopping else { return false }
        held.append(exchange)
        return true
    }

    func release(_ exchange: ProxyExchange) { held.removeAll { $0 === exchange } }

    // MARK: End

    /// Waiting requests are answered now: nobody will bring a worker any more.
    func beginStopping() {
        isStopping = true
        let waiting = held
        held = []
        for exchange in waiting { exchange.giveUpWaiting() }
    }

    func close() {
        pool.close()
        wheel.close()
    }
}
