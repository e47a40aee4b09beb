internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV

/// One worker of a ``WorkerSupervisor``: its policy, and the process that it has at the moment.
final class Worker {
    /// How long a worker that died while it served still counts as ready once its successor is being started: its
    /// socket goes on listening, so balancers need not look elsewhere.
    private static let restartGrace: Duration = .milliseconds(200)
    /// A longer pause before the next start is not hidden from them.
    private static let longestHiddenPause: Duration = .milliseconds(250)

    let id: Int
    let slot: WorkerSlot
    let spec: WorkerSpec
    let socket: SlotSocket
    let timer: Timer
    var supervision: Supervision {
        didSet { if supervision.state != oldValue.state { hasNewState = true } }
    }
    private var hasNewState = true
    /// For people, as of the last change of its state: a record that counted down would keep the whole cluster busy.
    private(set) var message = ""
    /// What the last process printed before it ended; nil while there is a process.
    var lastWords: String?
    var child: ChildProcess?
    /// Of the present process, likewise the checks.
    var place: WorkerPlace?
    var checks: WorkerChecks?
    /// When the present process started, by the wall clock.
    var startedAt: UnixTime?
    /// It said `STOPPING=1`.
    var saysStopping = false
    /// Nobody wants it any more: it goes when its process has gone.
    var isUnwanted = false
    /// It is about to be asked to stop; balancers are to hear of it first.
    var isRetiring = false
    var countsAsReadyUntil: Timestamp?

    init(id: Int, slot: WorkerSlot, spec: WorkerSpec, socket: SlotSocket, timer: Timer) {
        self.id = id
        self.slot = slot
        self.spec = spec
        self.socket = socket
        self.timer = timer
        supervision = Supervision(policy: spec.restart, startTimeout: spec.startTimeout, stopTimeout: spec.stopTimeout)
    }

    func local(at now: Timestamp) -> LocalWorker {
        LocalWorker(
            id: id, slot: slot, spec: spec, state: isRetiring ? .draining : supervision.recordState,
            restarts: supervision.restarts, isGivenUp: isGivenUp, isAvailable: false,
            isStartingAnew: isStartingAnew(at: now))
    }

    private var isGivenUp: Bool {
        switch supervision.state {
        case .quarantined, .ended: true
        case .idle, .starting, .aborting, .ready, .backoff, .stopping, .killing: false
        }
    }

    /// For how long its first start counts as one.
    static let longestStart: Duration = .seconds(5)

    private func isStartingAnew(at now: Timestamp) -> Bool {
        guard case .starting(let since, _) = supervision.state, supervision.restarts == 0 else { return false }
        return since.duration(to: now) < Self.longestStart
    }

    func updateMessage(at now: Timestamp) {
        guard hasNewState else { return }
        hasNewState = false
        message = WorkerRecord.message(from: supervision.message(at: now))
    }

    var isEnded: Bool { supervision.state == .ended }

    func record(address: String, gate: HealthGate.Verdict?, at now: Timestamp) -> WorkerRecord {
        WorkerRecord(
            application: slot.application, index: slot.index, revision: spec.revision, address: address,
            port: socket.address.port, state: shownState(at: now), pid: child?.pid ?? 0,
            restarts: supervision.restarts, message: fullMessage, startedAt: startedAt,
            fingerprint: spec.fingerprint, gate: gate ?? .pending)
    }

    private var fullMessage: String {
        guard let lastWords, !message.isEmpty else { return message }
        return WorkerRecord.message(from: "\(message); it said: \(lastWords)")
    }

    private func shownState(at now: Timestamp) -> WorkerRecord.State {
        if isRetiring { return .draining }
        let state = supervision.recordState
        if state == .starting || state == .backoff, let countsAsReadyUntil, now < countsAsReadyUntil { return .ready }
        return state == .ready && saysStopping ? .draining : state
    }

    /// Until when it counts as ready after it died; nil if it should not.
    func graceEnd(at now: Timestamp) -> Timestamp? {
        switch supervision.state {
        case .starting: return now.advanced(by: Self.restartGrace)
        case .backoff(let until):
            guard now.duration(to: until) <= Self.longestHiddenPause else { return nil }
            return until.advanced(by: Self.restartGrace)
        case .idle, .aborting, .ready, .quarantined, .stopping, .killing, .ended: return nil
        }
    }

    /// When something about it changes by itself.
    var deadline: Timestamp? {
        [supervision.deadline, countsAsReadyUntil].compactMap(\.self).min()
    }
}

/// A slot's listening socket: the node's, lent to one worker after the other, so that connections wait in its backlog
/// while there is none. Closed with the object.
final class SlotSocket {
    let descriptor: Int32
    let address: SocketAddress

    init(binding address: SocketAddress) throws(UVError) {
        descriptor = try ListeningSocket.open(address)
        self.address = ListeningSocket.localAddress(of: descriptor) ?? address
    }

    deinit { ListeningSocket.close(descriptor) }
}
