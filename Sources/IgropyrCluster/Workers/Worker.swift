internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV

/// One worker of a ``WorkerSupervisor``: what is told of it, and the process that it has at the moment.
final class Worker {
    /// How long a worker that died while it served still counts as ready if its successor is being started already:
    /// most are there by then, and its socket goes on listening, so balancers need not look elsewhere.
    private static let restartGrace: Duration = .milliseconds(30)

    let id: Int
    let slot: WorkerSlot
    let spec: WorkerSpec
    let process: SupervisedProcess
    /// Nil for one that outlived its agent and whose socket could not be had.
    var socket: SlotSocket?
    /// Where it listens.
    var address: SocketAddress
    /// Of the present process, likewise the checks and keys.
    var place: WorkerPlace?
    var checks: WorkerChecks?
    var keys: WorkerKeys?
    private let graceTimer: Timer
    private var countsAsReady = false
    private var lastRecord: WorkerRecord?
    /// For people, as of the last change of its state, likewise the next: a record that counted down would keep the
    /// whole cluster busy.
    private var message = ""
    private var nextTryAt: UnixTime?
    private var messageState: Supervision.State?
    /// Where in its log the present process, or else the last one, begins; 0 for one that outlived its agent.
    var logStart: Int64 = 0
    /// What the last process printed before it ended; nil while there is a process, or if it printed nothing.
    var lastWords: String?
    /// Nobody wants it any more: it goes when its process has gone.
    var isUnwanted = false
    /// It is about to be asked to stop; balancers are to hear of it first.
    var isRetiring = false

    init(
        id: Int, slot: WorkerSlot, spec: WorkerSpec, process: SupervisedProcess, socket: SlotSocket?,
        address: SocketAddress, graceTimer: Timer
    ) {
        self.id = id
        self.slot = slot
        self.spec = spec
        self.process = process
        self.socket = socket
        self.address = address
        self.graceTimer = graceTimer
    }

    var supervision: Supervision { process.supervision }
    var isEnded: Bool { process.isEnded }

    func close() {
        checks?.stop()
        keys?.stop()
        graceTimer.close()
        process.close()
    }

    /// It died while it served: for a moment nothing of that is told, so that what is told next need not wait for its
    /// turn.
    func beginGrace(onEnd: @escaping () -> Void) {
        guard supervision.recordState == .starting else { return }
        countsAsReady = true
        // Fails only once closed.
        try? graceTimer.start(after: Self.restartGrace) { [unowned self] in
            countsAsReady = false
            onEnd()
        }
    }

    // MARK: - What is told of it

    func local(at now: Timestamp) -> LocalWorker {
        LocalWorker(
            id: id, slot: slot, spec: spec, state: isRetiring ? .draining : supervision.recordState,
            restarts: supervision.restarts, isGivenUp: supervision.isGivenUp, isAvailable: false,
            isStartingAnew: supervision.isStartingAnew(at: now))
    }

    /// It is not ready yet, and why. Told with the next change of anything, not by itself.
    func lacks(_ what: String) {
        process.lacks(what)
        messageState = nil
    }

    func record(address host: String, gate: HealthGate.Verdict?, at now: Timestamp) -> WorkerRecord {
        if countsAsReady, !isRetiring, supervision.recordState == .starting, let lastRecord { return lastRecord }
        learnState(at: now)
        let record = WorkerRecord(
            application: slot.application, index: slot.index, revision: spec.revision, address: host,
            port: address.port, state: shownState, pid: process.child?.pid ?? 0,
            restarts: supervision.restarts, message: fullMessage, startedAt: process.startedAt,
            nextTryAt: nextTryAt, fingerprint: spec.fingerprint, gate: gate ?? .pending,
            isLooping: supervision.isLooping ? true : nil,
            isEncrypted: spec.isEncrypted ? true : nil)
        lastRecord = record
        return record
    }

    private func learnState(at now: Timestamp) {
        guard supervision.state != messageState else { return }
        messageState = supervision.state
        message = WorkerRecord.message(from: supervision.cause(at: now))
        let wait = supervision.nextTry.map { now.duration(to: $0).millisecondsRoundedUp }
        nextTryAt = wait.map { UnixTime.now.advanced(byMilliseconds: Int64($0)) }
    }

    private var fullMessage: String {
        guard let lastWords, !message.isEmpty else { return message }
        return WorkerRecord.message(from: "\(message); it said: \(lastWords)")
    }

    private var shownState: WorkerRecord.State {
        if isRetiring { return .draining }
        let state = supervision.recordState
        return state == .ready && process.saysStopping ? .draining : state
    }
}
