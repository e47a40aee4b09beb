import IgropyrHTTP
import IgropyrOrchestration
import IgropyrTime
import IgropyrTransport
import IgropyrUV

/// One request on its way to a worker, and the response on its way back.
///
/// Lives as long as the client's connection, an upstream connection, a connection attempt or the queue of waiting
/// requests has it. Bodies stream in both directions: the side that is slow stops the other one. What is kept of a
/// request's body to repeat it is bounded by ``BalancerSettings/repeatableBodyBytes`` and one read.
final class ProxyExchange {
    enum State {
        /// The head is being looked at.
        case starting
        /// No worker: until the next snapshot or the deadline.
        case held
        /// The body is being taken, so that no worker has to wait for the client.
        case buffering
        case connecting
        /// The request goes out; there is nothing of a response.
        case sent
        /// The head of a response is written, and has not left: it can be taken back.
        case answering
        case responding
        case finished
    }

    final class Trailers {
        var request = TrailerFields()
        /// What the request's `Connection` lists, which its trailers must not bring through either.
        var requestOptions: [String] = []
        var response = TrailerFields()
        /// Likewise.
        var responseOptions: [String] = []
    }

    let proxy: Proxy
    var state = State.starting
    /// Nil once the response is complete or the client is gone.
    var downstream: (any HTTPServerStream)?
    var upstream: (any HTTPClientStream)?
    /// Whose it is; while there is a ``worker``, the one that the worker was chosen from.
    private(set) var application: Application?
    /// Whose turn it is, from the choice on.
    private(set) var worker: WorkerState?
    var hash: UInt64 = 0

    // The request.
    let method: HTTPMethod
    let framing: MessageHead.Framing
    /// What the client wants to go on with; nil in nearly all requests.
    let upgrade: Upgrade?
    // Those that are unchecked are used several times for each request, where the runtime's check that nobody else uses
    // them meanwhile shows in the profile.
    /// As the worker gets it.
    @safe @exclusivity(unchecked) var head = HTTPSerializer()
    /// What came of the body so far, as long as ``isBodyKept``.
    @safe @exclusivity(unchecked) var body: [UInt8] = []
    var isBodyKept = true
    var isBodyPaused = false
    /// All of the body has come; from the first on if there is none.
    var isRequestEnded: Bool
    /// The client's head, when there was no snapshot to route by.
    private var unrouted: (head: MessageHead, bytes: [UInt8])?
    private(set) var identity: RequestIdentity?
    /// Who asks, as far as proxies in front may be believed.
    private var client: SocketAddress?
    private(set) var settings: RequestSettings
    /// The value of a `Set-Cookie` that the response gets.
    var newCookie: String?
    /// Bytes of the body that have come, while there is a bound.
    var bodyBytes: UInt64 = 0

    /// Of the request and the response; nil in nearly all exchanges.
    private(set) var trailers: Trailers?

    /// Nil while nobody wants to know.
    @safe @exclusivity(unchecked) var record: ExchangeRecord?

    // Tries.
    @safe @exclusivity(unchecked) var tried: [WorkerState] = []
    var retriesLeft: Int
    /// From then on it goes by fresh connections: where one worker closes what rests, others may at the same time.
    var hasMetStaleConnection = false
    /// So many of the cluster's keys the worker did not take.
    var keysTried = 0
    private var holdTimer: WheelTimer?
    private var holdDeadline: Timestamp?

    // The response.
    /// Of its head.
    var status = 0
    /// Of a body of known length.
    var remainingBytes: UInt64?
    var isResponsePaused = false
    /// Nil where responses are passed on as they are.
    var compressor: ResponseCompressor?
    /// The worker has agreed to ``upgrade``.
    var isTunnel = false

    init(_ connection: any HTTPServerStream, proxy: Proxy, _ head: MessageHead, _ bytes: RawSpan) {
        upgrade = Upgrade(head, bytes)
        method = upgrade?.key == nil ? head.method : .get  // What an extended CONNECT is in HTTP/1.1.
        framing = upgrade == nil ? head.framing : .none
        isRequestEnded = upgrade == nil && head.framing == .none
        settings = proxy.defaults
        retriesLeft = 0
        self.proxy = proxy
        downstream = connection
    }

    /// Takes the request on, unless it is answered at once. `downstream` is the one that it was made with.
    func start(_ head: MessageHead, _ bytes: RawSpan, on downstream: any HTTPServerStream) {
        let peer = downstream.peerAddress
        if let insight = proxy.insight {
            identity = insight.identity(of: head, bytes)
            record = insight.begin(head, bytes, identity, from: peer)
        }
        if let answer = proxy.challenges.answer(to: head, bytes) { return refuse(answer) }
        if method == .connect || method == .trace { return refuse(.notImplemented) }
        client = proxy.settings.forwarded.client(of: head, bytes, peer: peer)
        if let pause = proxy.excess(of: client) { return refuse(.tooManyRequests(after: pause)) }
        if case .length(let count) = framing, count > proxy.settings.bodyBytes ?? .max { return refuse(.tooLarge) }
        if head.hasConnectionFields { makeTrailers().requestOptions = HopByHop.listedNames(in: head, bytes) }
        guard let snapshot = proxy.snapshot else { return holdUnrouted(head, bytes) }
        route(head, bytes, by: snapshot, for: downstream)
    }

    func makeTrailers() -> Trailers {
        if let trailers { return trailers }
        let trailers = Trailers()
        self.trailers = trailers
        return trailers
    }

    /// Waits until it can be said who answers.
    private func holdUnrouted(_ head: MessageHead, _ bytes: RawSpan) {
        unrouted = (head, unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) })
        downstream?.exchange = self
        pauseUntilTunnel()
        hold()
    }

    private func pauseUntilTunnel() {
        guard awaitsTunnel, !isBodyPaused else { return }
        isBodyPaused = true
        downstream?.pauseBody()
    }

    /// Finds out which application answers, writes the request as its workers get it, and goes to one.
    private func route(
        _ head: MessageHead, _ bytes: RawSpan, by snapshot: UpstreamSnapshot, for downstream: any HTTPServerStream
    ) {
        switch snapshot.destination(head, bytes) {
        case .nowhere: return snapshot.isPreliminary ? holdUnrouted(head, bytes) : refuse(.notRouted)
        case .redirect(let rule):
            guard case .redirect(_, let status) = rule.action, let location = rule.action.location(head, bytes) else {
                return refuse(.badRequest)
            }
            return refuse(.redirect(to: location, status: status))
        case .application(let position, let settings):
            application = proxy.applications[position]
            self.settings = settings
        }
        retriesLeft = settings.values.retries
        if let cookie = settings.values.hashKey.newCookie(head, bytes, using: &proxy.random) {
            newCookie = cookie.setCookie(isEncrypted: downstream.isEncrypted)
            hash = cookie.hash
        } else {
            hash = settings.values.hashKey.hash(head, bytes, source: client)
        }
        proxy.lendMemory(to: &self.head, capacity: head.byteCount + Self.addedBytes)
        do throws(HTTPSerializer.Failure) {
            try writeForwardedHead(head, bytes, from: downstream, to: &self.head)
        } catch {
            return refuse(.badRequest)
        }
        if upgrade == nil, let compression = settings.values.compression {
            compressor = ResponseCompressor(compression, requestHead: head, bytes)
        }
        downstream.exchange = self
        pauseUntilTunnel()
        if buffersBody { state = .buffering } else { connect() }
    }

    // MARK: - Choosing

    /// Goes to the best worker not tried yet; waits if there is none, or none with room.
    func connect() {
        proxy.insight?.route(record, to: application?.upstreams)
        guard let application, !application.workers.isEmpty else { return hold() }
        if let worker = application.choose(forHash: hash, except: tried, at: proxy.now, using: &proxy.random) {
            return connect(to: worker, isFresh: hasMetStaleConnection)
        }
        if application.hasOthers(than: tried) { hold() } else { refuse(.badGateway) }
    }

    func connect(to worker: WorkerState, isFresh: Bool) {
        state = .connecting
        enter(worker)
        record?.beginTry(at: worker.address)
        let kind = upgrade == nil ? kind(for: worker) : kind(for: worker).forUpgrades
        let client = announcedClient
        if !isFresh, let connection = worker.connections?.restingConnection(as: kind, for: client) {
            return send(on: connection)
        }
        proxy.pool.stream(
            to: worker.address, as: kind, for: client, isFresh: isFresh, timeout: settings.values.connectTimeout
        ) { [self] outcome in
            guard case .connecting = state else {
                if case .success(let connection) = outcome { connection.cancel() }
                return
            }
            switch outcome {
            case .success(let connection):
                if !connection.isReused { proxy.noteConnection(to: worker) }
                if let connection = connection as? HTTPClientConnection { worker.connections = connection.server }
                send(on: connection)
            case .failure(let failure):
                record?.tryDidFail(ExchangeFailure(connecting: failure))
                switch failure.cause {
                case .connection, .timedOut: proxy.noteRefusal(by: worker)
                case .closed, .malformedResponse, .responseTooLarge, .refused, .exhausted, .cancelled: break
                }
                abandonWorker()
                retry(after: failure)
            }
        }
    }

    private func kind(for worker: WorkerState) -> HTTPConnectionKind {
        guard let kinds = worker.encryption?.kinds else { return settings.values.connections }
        return kinds[min(keysTried, kinds.count - 1)]
    }

    /// Whose connection it is, for workers that are told so.
    private var announcedClient: ProxyHeader {
        guard settings.values.connections.proxyProtocol != nil, let source = downstream?.peerAddress,
            let destination = downstream?.localAddress
        else { return .local }
        return .proxied(source: source, destination: destination)
    }

    // MARK: - The worker's load

    private func enter(_ worker: WorkerState) {
        self.worker = worker
        application?.traffic.enter(worker)
    }

    /// The worker is done with it, or failed.
    func leaveWorker() {
        guard let worker = worker.take(), let application else { return }
        application.traffic.leave(worker)
        proxy.roomDidAppear(in: application.traffic)
    }

    /// It is not asked again.
    func abandonWorker() {
        if let worker { tried.append(worker) }
        keysTried = 0
        leaveWorker()
    }

    // MARK: - Waiting for a worker

    private func hold() {
        record?.hold()
        let deadline = holdDeadline ?? proxy.now.advanced(by: proxy.settings.holdTime)
        state = .held
        guard proxy.now < deadline, proxy.hold(self, for: application) else { return refuse(.unavailable) }
        if holdTimer == nil {
            proxy.counters.held &+= 1
            holdDeadline = deadline
            holdTimer = WheelTimer(on: proxy.wheel) { [self] in giveUpWaiting() }
        }
        holdTimer?.arm(at: deadline)
    }

    var isHeld: Bool { if case .held = state { true } else { false } }

    /// There is a new snapshot, or room.
    func tryAgain() {
        guard isHeld, let snapshot = proxy.snapshot else { return }
        if let (head, bytes) = unrouted, let downstream {
            unrouted = nil
            return route(head, unsafe bytes.span.bytes, by: snapshot, for: downstream)
        }
        if let old = application { application = proxy.application(like: old) }
        guard application != nil else { return refuse(.notRouted) }
        tried = []
        connect()
    }

    func giveUpWaiting() {
        guard isHeld else { return }
        refuse(.unavailable)
    }

    // MARK: - Retries

    /// Repeats the request where that is safe, else says to the client what went wrong.
    func retry(after failure: HTTPClientFailure) {
        guard isRepeatable(after: failure) else { return refuse(Refusal(failure)) }
        lookUpAgain()
        guard retriesLeft > 0, let application, application.workers.isEmpty || application.hasOthers(than: tried) else {
            return refuse(Refusal(failure))
        }
        guard proxy.budget.takeRetry(at: proxy.now) else {
            proxy.counters.retriesOverBudget &+= 1
            record?.isOverBudget()
            return refuse(Refusal(failure))
        }
        retriesLeft -= 1
        proxy.counters.retries &+= 1
        record?.willRetry()
        connect()
    }

    /// Workers may have come and gone since the last try.
    func lookUpAgain() {
        if let old = application { application = proxy.application(like: old) }
    }

    /// No byte of a response has gone out, and either no worker can have seen the request or seeing it twice does no
    /// harm.
    private func isRepeatable(after failure: HTTPClientFailure) -> Bool {
        guard isBodyKept, downstream != nil, failure.cause != .cancelled else { return false }
        return !failure.mayHaveBeenReceived || (method.isIdempotent && failure.cause != .timedOut)
    }

    // MARK: - End

    /// Answers in the worker's place and ends the exchange.
    func refuse(_ refusal: Refusal) {
        takeBackHead()
        guard let downstream else { return finish() }
        refusal.count(in: &proxy.counters)
        record?.refuse(refusal, sendsBody: method != .head)
        finish()
        refusal.answer(on: downstream)
    }

    /// Lets go of everything; nothing is called back any more.
    func finish() {
        state = .finished
        if let record { proxy.insight?.note(record) }
        record = nil
        holdTimer?.invalidate()
        holdTimer = nil
        downstream = nil
        endCompression()
        compressor = nil
        upstream?.cancel()
        upstream = nil
        leaveWorker()
        proxy.takeMemory(of: &head)
        body = []
    }
}
