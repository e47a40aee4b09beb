import IgropyrHTTP
import IgropyrInsight
import IgropyrTime
import IgropyrTransport
import IgropyrUV

/// One loop's proxy: hands each request to an exchange and keeps what exchanges share. Stays on its loop.
final class Proxy: HTTPRequestHandler {
    let loop: EventLoop
    let settings: BalancerSettings
    let pool: HTTPConnectionPool
    let wheel: TimerWheel
    let insight: ProxyInsight?
    /// For requests whose route and application have none of their own.
    let defaults: RequestSettings
    let challenges: ChallengeAnswers
    private let rate: ClientRateLimit?
    private let refusals: RefusalLog
    // Used for each request, where the check of exclusive use shows in the profile.
    @safe @exclusivity(unchecked) var counters = BalancerCounters()
    @safe @exclusivity(unchecked) var budget: RetryBudget
    @safe @exclusivity(unchecked) var random = SystemRandomNumberGenerator()
    /// Memory for the heads of the next requests; ``spareHeadLimit`` of them at most.
    @safe @exclusivity(unchecked) private var spareHeads: [HTTPSerializer] = []
    /// Each of about 4 KB at most.
    private static let spareHeadLimit = 64
    private(set) var snapshot: UpstreamSnapshot?
    /// Parallel to the snapshot's.
    private(set) var applications: [Application] = []
    /// All workers that connections may still be open to, those of earlier snapshots among them.
    private var workers: [SocketAddress: WorkerState] = [:]
    /// Waiting for the first snapshot.
    private var unrouted = WaitingLine()
    /// Responses that are being compressed.
    var responsesEncoding = 0
    private var isStopping = false

    init(
        on loop: EventLoop, settings: BalancerSettings, _ challenges: ChallengeAnswers, rate: ClientRateLimit?,
        refusals: RefusalLog, log: AccessLogWriter?
    ) throws(UVError) {
        self.loop = loop
        self.settings = settings
        self.challenges = challenges
        self.rate = rate
        self.refusals = refusals
        defaults = RequestSettings(settings.application)
        wheel = try TimerWheel(on: loop)
        do throws(UVError) {
            pool = try HTTPConnectionPool(on: loop, settings: settings.client)
        } catch {
            wheel.close()
            throw error
        }
        insight = ProxyInsight(settings.insight, log, on: wheel)
        budget = RetryBudget(settings.retryBudget, at: loop.now)
    }

    var now: Timestamp { loop.now }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        counters.requests &+= 1
        budget.noteRequest()
        ProxyExchange(connection, proxy: self, head, bytes).start(head, bytes, on: connection)
    }

    func requestWasRefused(status: Int, on connection: any HTTPServerStream) {
        insight?.noteRefusal(status: status, peer: connection.peerAddress)
    }

    // MARK: Snapshots

    /// Requests under way end where they are; waiting ones are tried at once.
    func update(_ snapshot: UpstreamSnapshot) {
        self.snapshot = snapshot
        insight?.update(snapshot, at: now)
        let waiting = unrouted.removeAll() + applications.flatMap { $0.traffic.waiting.removeAll() }
        let before = applications
        let known = Set(before.flatMap(\.workers).map(\.address))
        workers = workers.filter { $0.value.inFlight > 0 || pool.isConnected(to: $0.key) }
        refusals.keep(snapshot.applications.lazy.flatMap(\.members).map(\.address))
        applications = snapshot.applications.map { upstreams in
            let members = upstreams.members.map { member in
                worker(
                    for: member, member.isEncrypted ? upstreams.encryption : nil,
                    isBack: !known.contains(member.address))
            }
            let traffic = before.first { $0.upstreams.name == upstreams.name }?.traffic ?? ApplicationTraffic()
            return Application(upstreams, members, traffic: traffic, at: now)
        }
        for exchange in waiting { exchange.tryAgain() }
    }

    private func worker(
        for member: Upstreams.Worker, _ encryption: WorkerEncryption?, isBack: Bool
    ) -> WorkerState {
        // One that begins or ceases to be encrypted is another one.
        guard let worker = workers[member.address], (worker.encryption == nil) == (encryption == nil) else {
            let worker = WorkerState(member, encryption)
            workers[member.address] = worker
            return worker
        }
        worker.host = member.host
        worker.encryption = encryption
        if isBack { worker.health.forget() }
        return worker
    }

    /// The same application in the present snapshot.
    func application(like old: Application) -> Application? {
        applications.first { $0.upstreams.name == old.upstreams.name }
    }

    // MARK: Health

    /// Fails what is under way there, so that it is repeated elsewhere where that is safe.
    func hostFailed(_ host: String) {
        for (address, worker) in workers where worker.host == host { workerFailed(at: address) }
    }

    func workerFailed(at address: SocketAddress) {
        if let worker = workers[address] { noteRefusal(by: worker) }
        pool.disconnect(from: address)
    }

    func noteRefusal(by worker: WorkerState) {
        if worker.health.noteRefusal(at: now) { healthDidChange() }
        if worker.health.refusesAgain { refusals.noteRefusal(by: worker) }
    }

    func noteFailure(of worker: WorkerState, limit: Int) {
        if worker.health.noteFailure(limit: limit, at: now) { healthDidChange() }
    }

    func noteConnection(to worker: WorkerState) {
        refusals.noteConnection(to: worker)  // Which another loop may have told of, or this one before it forgot.
        if worker.health.noteConnection() { noteReturn(of: worker) }
    }

    func noteAnswer(of worker: WorkerState) {
        if worker.health.noteAnswer() { noteReturn(of: worker) }
    }

    func noteSuccess(of worker: WorkerState) {
        if worker.health.noteSuccess() { noteReturn(of: worker) }
    }

    private func noteReturn(of worker: WorkerState) {
        worker.health.noteReturn(at: now)
        healthDidChange()
    }

    /// Whether a worker gets no requests at the moment because of what is known of it.
    func isAvoided(_ address: SocketAddress) -> Bool { workers[address]?.health.trouble != nil }

    /// Whom to check, and how.
    var subjectsOfChecks: Set<HealthChecker.Subject> {
        var subjects: Set<HealthChecker.Subject> = []
        for application in applications {
            guard let settings = application.settings.healthCheck else { continue }
            for worker in application.workers {
                let kind = worker.encryption?.kinds[0] ?? application.settings.connections
                subjects.insert(.init(address: worker.address, settings: settings, kind: kind))
            }
        }
        return subjects
    }

    /// What checks have found, on whatever loop.
    func noteCheck(of address: SocketAddress, isPassed: Bool) {
        guard let worker = workers[address], worker.health.noteCheck(isPassed: isPassed) else { return }
        if isPassed { noteReturn(of: worker) } else { healthDidChange() }
    }

    private func healthDidChange() {
        for application in applications { application.healthDidChange(at: now) }
    }

    // MARK: Memory

    /// Before a request's head is written into `head`.
    func lendMemory(to head: inout HTTPSerializer, capacity: Int) {
        head = spareHeads.popLast() ?? HTTPSerializer(capacity: capacity)
    }

    /// Leaves `head` without any. What is large is not kept.
    func takeMemory(of head: inout HTTPSerializer) {
        var memory = HTTPSerializer()
        swap(&head, &memory)
        guard memory.hasMemory, memory.count <= 4096, spareHeads.count < Self.spareHeadLimit else { return }
        memory.removeAll()
        spareHeads.append(consume memory)
    }

    // MARK: Waiting

    /// Keeps an exchange until there is a snapshot, a worker, or one with room.
    /// - Returns: false if too many wait already.
    func hold(_ exchange: ProxyExchange, for application: Application?) -> Bool {
        guard !isStopping else { return false }
        guard let application else { return unrouted.append(exchange, limit: defaults.values.waitingRequests) }
        return application.traffic.waiting.append(exchange, limit: application.settings.waitingRequests)
    }

    /// Counts a request of the client's.
    /// - Returns: how long the client has to wait, if it has made too many.
    func excess(of client: SocketAddress?) -> Duration? { rate?.take(ClientLimit.Client(client), at: now) }

    /// A worker of the application has room again.
    func roomDidAppear(in traffic: ApplicationTraffic) {
        guard !traffic.waiting.isEmpty else { return }
        // Not within the end of another exchange: the next could end at once, too, and so on down the stack.
        loop.submitLocally { traffic.waiting.popFirst()?.tryAgain() }
    }

    // MARK: End

    /// Waiting requests are answered now: nobody will bring a worker any more.
    func beginStopping() {
        isStopping = true
        let waiting = unrouted.removeAll() + applications.flatMap { $0.traffic.waiting.removeAll() }
        for exchange in waiting { exchange.giveUpWaiting() }
    }

    func close() {
        pool.close()
        insight?.finish()
        wheel.close()
    }
}
