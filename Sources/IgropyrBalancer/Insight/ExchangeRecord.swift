import IgropyrHTTP
import IgropyrTime
import IgropyrUV

/// What is noted of one request while it is under way. The exchange tells it what happens, and hands it to
/// ``ProxyInsight/note(_:)`` at its end.
final class ExchangeRecord {
    let began: Timestamp
    /// Nil without an access log.
    let request: LoggedRequest?
    /// Nil until the request is routed.
    private(set) var application: ApplicationMeter?
    /// Of the last try, as is ``upstream``.
    private(set) var worker: WorkerMeter?
    private(set) var upstream: SocketAddress?
    private(set) var tries = 0
    /// When the request's head left for the last worker.
    private(set) var sentAt: Timestamp?
    private(set) var firstByteAt: Timestamp?
    /// What the client was told; 499 if it went away before it was told anything, as nginx has it.
    private(set) var status = 0
    /// Why the last try failed, or the request; nil if all went well in the end.
    private(set) var failure: ExchangeFailure?
    private(set) var isTunnel = false
    private var isTrying = false
    /// Of the bodies, without framing.
    var requestBytes: UInt64 = 0
    var responseBytes: UInt64 = 0

    init(_ request: LoggedRequest?) {
        self.request = request
        began = EventLoop.preciseNow
    }

    func begin(_ application: ApplicationMeter) {
        guard self.application == nil else { return }
        self.application = application
        application.measures.inFlight += 1
    }

    /// The request waits until there is a worker.
    func hold() { failure = .noWorker }

    func beginTry(at address: SocketAddress) {
        endTry()
        worker = application?.worker(at: address)
        upstream = address
        worker?.measures.inFlight += 1
        isTrying = true
        tries += 1
        failure = nil
        (sentAt, firstByteAt) = (nil, nil)
    }

    func didSend() { sentAt = EventLoop.preciseNow }

    func tryDidFail(_ failure: ExchangeFailure) {
        self.failure = failure
        worker?.measures.count(failure)
        endTry()
    }

    func willRetry() {
        application?.measures.retries &+= 1
        worker?.measures.retries &+= 1
    }

    func isOverBudget() { failure = .overBudget }

    func responseDidBegin(status: Int) {
        let now = EventLoop.preciseNow
        firstByteAt = now
        self.status = status
        isTunnel = status == 101
        worker?.measures.count(status: status)
        guard let sentAt else { return }
        let elapsed = now.nanoseconds - sentAt.nanoseconds
        worker?.measures.firstByte.add(nanoseconds: elapsed)
        application?.measures.firstByte.add(nanoseconds: elapsed)
    }

    /// The client gets the balancer's own answer.
    func refuse(_ refusal: Refusal, sendsBody: Bool) {
        status = refusal.status
        responseBytes = sendsBody ? UInt64(refusal.text.utf8.count) : 0
        failure = failure ?? ExchangeFailure(refusal)
    }

    /// The client was told so before there was an answer: the rest of its request breaks the protocol, or does not
    /// come.
    func serverDidRefuse(status: Int) {
        self.status = status
        failure = .protocolError
    }

    /// The client is cut off, or has gone.
    func breakOff(_ failure: ExchangeFailure) {
        self.failure = failure
        if status == 0, failure == .clientAbort { status = 499 }
    }

    private func endTry() {
        guard isTrying else { return }
        isTrying = false
        worker?.measures.inFlight -= 1
    }

    /// Brings the measures up to date.
    func end(at now: Timestamp, elsewhere: ApplicationMeter) {
        endTry()
        self.application?.measures.inFlight -= 1
        let application = application ?? elsewhere
        application.measures.count(status: status)
        if let failure { application.measures.count(failure) }
        guard !isTunnel else { return }  // How long people talk is no latency.
        application.measures.total.add(nanoseconds: now.nanoseconds - began.nanoseconds)
        guard let sentAt, firstByteAt != nil else { return }
        worker?.measures.total.add(nanoseconds: now.nanoseconds - sentAt.nanoseconds)
    }
}

/// The client's request as a line has it.
final class LoggedRequest {
    let head: MessageHead
    /// The head's own.
    let bytes: [UInt8]
    let peer: SocketAddress?
    let identity: RequestIdentity?

    init(_ head: MessageHead, _ bytes: RawSpan, peer: SocketAddress?, _ identity: RequestIdentity?) {
        self.head = head
        self.bytes = bytes.array(in: 0..<min(head.byteCount, bytes.byteCount))
        self.peer = peer
        self.identity = identity
    }
}
