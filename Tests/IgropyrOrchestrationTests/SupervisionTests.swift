import IgropyrOrchestration
import IgropyrTime
import TestSupport
import Testing

private func supervision(_ policy: RestartPolicy = RestartPolicy()) -> Supervision {
    Supervision(policy: policy, startTimeout: .seconds(60), stopTimeout: .seconds(30))
}

private func started(_ policy: RestartPolicy = RestartPolicy(), readyAt: Timestamp? = nil) -> Supervision {
    var worker = supervision(policy)
    let action = worker.handleStart(at: .zero)
    #expect(action == .start)
    if let readyAt { worker.handleReady(at: readyAt) }
    return worker
}

@Test func `a worker that is unwell is killed, and replaced like one that died`() {
    var worker = started()
    let early = worker.handleUnwell("it sleeps", at: .seconds(1))
    #expect(early == nil, "until it is ready, its start time-out counts")
    worker.handleReady(at: .seconds(1))
    let actions = [worker.handleUnwell("it sleeps", at: .seconds(2)), worker.handleUnwell("again", at: .seconds(3))]
    #expect(actions == [.kill, nil])
    #expect(worker.recordState == .starting && worker.hasProcess)
    _ = worker.handleExit(.signal(9), at: .seconds(4), jitter: 0)
    #expect(worker.message(at: .seconds(4)).contains("it sleeps and was killed") && worker.restarts == 1)
}

@Test func `a worker that is unfit is killed, and counts as one that failed to start`() {
    var worker = started()
    let actions = [worker.handleUnfit("it is no worker"), worker.handleUnfit("it is none")]
    #expect(actions == [.kill, nil] && worker.recordState == .starting)
    worker.handleReady(at: .seconds(1))
    #expect(worker.recordState == .starting, "it says so too late")
    let action = worker.handleExit(.signal(9), at: .seconds(1), jitter: 0)
    #expect(action == nil && worker.recordState == .backoff)
    #expect(worker.message(at: .seconds(1)).hasPrefix("it is no worker"))
    var other = started(readyAt: .seconds(1))
    let late = other.handleUnfit("it is no worker")
    #expect(late == nil && other.recordState == .ready)
}

@Test func `a worker starts once and becomes ready`() {
    var worker = supervision()
    #expect(!worker.hasProcess && worker.deadline == nil)
    let actions = [worker.handleStart(at: .zero), worker.handleStart(at: .seconds(1))]
    #expect(actions == [.start, nil])
    #expect(worker.deadline == .seconds(60) && worker.recordState == .starting)
    worker.handleReady(at: .seconds(2))
    worker.handleReady(at: .seconds(3))
    #expect(worker.state == .ready(startedAt: .zero, since: .seconds(2)))
    #expect(worker.recordState == .ready && worker.message(at: .seconds(9)) == "")
    #expect(worker.deadline == nil)
}

@Test func `a worker that had been ready is restarted at once the first time, then later`() {
    var worker = started(readyAt: .milliseconds(5))
    let first = worker.handleExit(.signal(9), at: .seconds(1), jitter: 0)
    #expect(first == .start && worker.restarts == 1)
    worker.handleReady(at: .seconds(2))
    let second = worker.handleExit(.signal(9), at: .seconds(3), jitter: 0)
    #expect(second == nil && worker.state == .backoff(until: .milliseconds(3200)))
}

@Test func `a worker that stayed ready for a whole period is forgiven`() {
    var worker = started(readyAt: .zero)
    _ = worker.handleExit(.code(1), at: .seconds(1), jitter: 0)
    worker.handleReady(at: .seconds(2))
    let action = worker.handleExit(.code(1), at: .seconds(12), jitter: 0)
    #expect(action == .start)
}

@Test func `crashes at start back off twice as long each time, up to 30 seconds`() {
    var worker = started(RestartPolicy(intensity: 1000))
    var now = Timestamp.zero
    var delays: [Duration] = []
    for _ in 0..<11 {
        let action = worker.handleExit(.code(1), at: now, jitter: 0)
        #expect(action == nil && worker.recordState == .backoff && !worker.hasProcess)
        guard let deadline = worker.deadline else { break }
        delays.append(now.duration(to: deadline))
        let early = worker.handleTimeout(at: deadline.advanced(by: .nanoseconds(-1)))
        #expect(early == nil)
        now = deadline
        let start = worker.handleTimeout(at: now)
        #expect(start == .start)
    }
    #expect(delays == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000].map { .milliseconds($0) })
}

private let jitters: [(jitter: Double, delay: Int64)] = [(0, 100), (0.5, 87), (1, 75), (-3, 100), (9, 75)]

@Test(arguments: jitters) func `jitter shortens a delay by a quarter at most`(jitter: Double, delay: Int64) {
    var worker = started()
    _ = worker.handleExit(.code(1), at: .zero, jitter: jitter)
    #expect(worker.deadline.map { $0.nanoseconds / 1_000_000 } == delay)
}

@Test func `more restarts than the intensity allows within the period lead to quarantine, then to another try`() {
    var worker = started(RestartPolicy(intensity: 2, periodMilliseconds: 10_000))
    for second in 1...2 {
        _ = worker.handleExit(.code(1), at: .seconds(Int64(second)), jitter: 0)
        #expect(worker.recordState == .backoff && worker.deadline! < .seconds(10))
        _ = worker.handleTimeout(at: worker.deadline!)
    }
    _ = worker.handleExit(.code(1), at: .seconds(3), jitter: 0)
    #expect(worker.state == .quarantined(until: .seconds(33)))
    let action = worker.handleTimeout(at: .seconds(33))
    #expect(action == .start)
}

@Test func `restarts further apart than the period never lead to quarantine`() {
    var worker = started(RestartPolicy(intensity: 1, periodMilliseconds: 1000), readyAt: .zero)
    for second in 1...20 {
        let action = worker.handleExit(.code(1), at: .seconds(Int64(second * 2)), jitter: 0)
        #expect(action == .start)
        worker.handleReady(at: .seconds(Int64(second * 2)))
    }
}

private let exits: [(kind: RestartPolicy.Kind, status: WorkerExit, isRestarted: Bool)] = [
    (.permanent, .code(0), true), (.permanent, .code(1), true), (.permanent, .signal(15), true),
    (.transient, .code(0), false), (.transient, .code(1), true), (.transient, .signal(11), true),
    (.temporary, .code(0), false), (.temporary, .code(1), false), (.temporary, .signal(9), false),
]

@Test(arguments: exits) func `the policy says after which exits a worker is restarted`(
    kind: RestartPolicy.Kind, status: WorkerExit, isRestarted: Bool
) {
    var worker = started(RestartPolicy(kind), readyAt: .zero)
    let action = worker.handleExit(status, at: .seconds(1), jitter: 0)
    #expect(action == (isRestarted ? .start : nil))
    #expect((worker.state == .ended) != isRestarted)
    #expect(worker.restarts == (isRestarted ? 1 : 0))
}

@Test func `a worker that does not become ready is killed, and that counts as a failure`() {
    var worker = started(RestartPolicy(.transient))
    let timeouts = [59, 60, 61].map { worker.handleTimeout(at: .seconds($0)) }
    #expect(timeouts == [nil, .kill, nil])
    worker.handleReady(at: .seconds(61))
    #expect(worker.recordState == .starting, "too late")
    let action = worker.handleExit(.code(0), at: .seconds(61), jitter: 0)
    #expect(action == nil && worker.state == .backoff(until: .milliseconds(61_100)))
    #expect(worker.message(at: .seconds(61)) == "was not ready after 60 s and was killed; next try in 100 ms")
}

@Test func `what a worker lacks to be ready is told while it starts, and when it is killed for that`() {
    var worker = started()
    worker.handleLack("it has not said READY=1")
    #expect(worker.message(at: .seconds(1)) == "it has not said READY=1")
    worker.handleLack("GET / was answered with 500")
    _ = worker.handleTimeout(at: .seconds(60))
    worker.handleLack("too late")
    _ = worker.handleExit(.signal(9), at: .seconds(60), jitter: 0)
    let reason = "was not ready after 60 s and was killed: GET / was answered with 500"
    #expect(worker.message(at: .seconds(60)) == reason + "; next try in 100 ms")
    _ = worker.handleTimeout(at: .seconds(61))
    #expect(worker.message(at: .seconds(61)) == reason)
    worker.handleReady(at: .seconds(62))
    #expect(worker.message(at: .seconds(62)) == "")
}

@Test func `a worker that is asked to stop drains, and is killed when it takes too long`() {
    var worker = started(readyAt: .zero)
    let stops = [worker.handleStop(at: .seconds(1)), worker.handleStop(at: .seconds(2))]
    #expect(stops == [.terminate, nil] && worker.deadline == .seconds(31) && worker.recordState == .draining)
    let timeouts = [30, 31, 32].map { worker.handleTimeout(at: .seconds($0)) }
    #expect(timeouts == [nil, .kill, nil])
    let action = worker.handleExit(.signal(9), at: .seconds(33), jitter: 0)
    #expect(action == nil && worker.state == .ended && worker.restarts == 0)
    #expect(worker.message(at: .seconds(33)) == "was ended by SIGKILL when asked to stop")
}

@Test func `a worker without a process ends at once when asked to stop`() {
    var waiting = started()
    _ = waiting.handleExit(.code(1), at: .zero, jitter: 0)
    let action = waiting.handleStop(at: .seconds(1))
    #expect(action == nil && waiting.state == .ended)
    let late = [waiting.handleTimeout(at: .seconds(99)), waiting.handleStart(at: .seconds(99))]
    #expect(late == [nil, nil])
}

@Test func `a worker killed at start and asked to stop is not restarted`() {
    var worker = started()
    _ = worker.handleTimeout(at: .seconds(60))
    let stop = worker.handleStop(at: .seconds(61))
    let exit = worker.handleExit(.signal(9), at: .seconds(62), jitter: 0)
    #expect(stop == nil && exit == nil && worker.state == .ended)
}

@Test func `a program that cannot be started backs off like one that crashes`() {
    var worker = started()
    let action = worker.handleSpawnFailure("no such file", at: .zero, jitter: 0)
    #expect(action == nil && worker.state == .backoff(until: .milliseconds(100)))
    #expect(worker.message(at: .zero) == "could not be started: no such file; next try in 100 ms")
}

@Test func `the message names the end, the restarts and the next try`() {
    var worker = started()
    var now = Timestamp.milliseconds(12)
    for _ in 0..<5 {
        _ = worker.handleExit(.code(1), at: now, jitter: 0)
        now = worker.deadline!
        _ = worker.handleTimeout(at: now)
        now = now.advanced(by: .milliseconds(12))
    }
    _ = worker.handleExit(.code(1), at: now, jitter: 0)
    let later = now.advanced(by: .milliseconds(500))
    #expect(
        worker.message(at: later)
            == "exited with 1 after 12 ms, before it was ready; 5 restarts in 10 s; next try in 29 s")
    #expect(worker.cause(at: later) == "exited with 1 after 12 ms, before it was ready; 5 restarts in 10 s")
    #expect(worker.nextTry == worker.deadline)
}

@Test func `a worker that does not say that it is alive is aborted, then killed, and replaced`() {
    var worker = Supervision(
        policy: RestartPolicy(), startTimeout: .seconds(60), stopTimeout: .seconds(30), watchdog: .seconds(3))
    _ = worker.handleStart(at: .zero)
    worker.handleAlive(at: .seconds(1))
    #expect(worker.deadline == .seconds(60), "before it is ready nothing is asked")
    worker.handleReady(at: .seconds(1))
    worker.handleAlive(at: .seconds(2))
    let timeouts = [4, 5, 6, 7, 8].map { worker.handleTimeout(at: .seconds($0)) }
    #expect(timeouts == [nil, .abort, nil, .kill, nil] && worker.recordState == .starting)
    #expect(worker.message(at: .seconds(5)) == "sent no WATCHDOG=1 for 3 s and was killed")
    let action = worker.handleExit(.signal(9), at: .seconds(8), jitter: 0)
    #expect(action == .start && worker.restarts == 1, "counted, and replaced at once like any that had served")
}

@Test func `what a worker said while the node stood still is heard before it is killed for having said nothing`() {
    var worker = Supervision(
        policy: RestartPolicy(), startTimeout: .seconds(60), stopTimeout: .seconds(30), watchdog: .seconds(3))
    _ = worker.handleStart(at: .zero)
    var mute = worker
    let start = [worker.handleTimeout(at: .seconds(90)), mute.handleTimeout(at: .seconds(90))]
    worker.handleReady(at: .seconds(90))
    #expect(start == [nil, nil] && worker.recordState == .ready && mute.deadline == .seconds(91))
    let kill = mute.handleTimeout(at: .seconds(91))
    #expect(kill == .kill)

    let late = worker.handleTimeout(at: .seconds(150))
    worker.handleAlive(at: .seconds(150))
    #expect(late == nil && worker.deadline == .seconds(153))
    let timeouts = [160, 161].map { worker.handleTimeout(at: .seconds($0)) }
    #expect(timeouts == [nil, .abort])
}

@Test func `a worker that hangs counts as a failure, however it ends`() {
    var worker = Supervision(
        policy: RestartPolicy(.transient), startTimeout: .seconds(60), stopTimeout: .seconds(30), watchdog: .seconds(3))
    _ = worker.handleStart(at: .zero)
    worker.handleReady(at: .zero)
    let abort = worker.handleTimeout(at: .seconds(3))
    let restart = worker.handleExit(.code(0), at: .seconds(3), jitter: 0)
    #expect(abort == .abort && restart == .start)
}

@Test func `a hanging worker that is asked to stop is killed when its time to abort is over`() {
    var worker = Supervision(
        policy: RestartPolicy(), startTimeout: .seconds(60), stopTimeout: .seconds(30), watchdog: .seconds(3))
    _ = worker.handleStart(at: .zero)
    worker.handleReady(at: .zero)
    _ = worker.handleTimeout(at: .seconds(3))
    let stop = worker.handleStop(at: .seconds(4))
    let kill = worker.handleTimeout(at: .seconds(5))
    #expect(stop == nil && kill == .kill)
    _ = worker.handleExit(.signal(9), at: .seconds(5), jitter: 0)
    #expect(worker.state == .ended)
}

@Test func `a worker whose revision is quarantined is tried no more, until the verdict changes`() {
    var worker = started()
    _ = worker.handleExit(.code(1), at: .zero, jitter: 0)
    _ = worker.handleVerdict(isQuarantined: true, at: .zero)
    #expect(worker.deadline == nil && worker.recordState == .failed)
    #expect(worker.message(at: .zero).hasSuffix("; its revision is quarantined"))
    let action = worker.handleVerdict(isQuarantined: false, at: .seconds(1))
    #expect(action == .start)
}

@Test func `a revision that is quarantined is not even started`() {
    var worker = supervision()
    _ = worker.handleVerdict(isQuarantined: true, at: .zero)
    let start = worker.handleStart(at: .zero)
    #expect(start == nil && worker.recordState == .failed)
}

@Test func `a worker that serves stays, whatever the verdict, and is not restarted when it dies`() {
    var worker = started(readyAt: .zero)
    let verdict = worker.handleVerdict(isQuarantined: true, at: .zero)
    #expect(verdict == nil && worker.recordState == .ready)
    let restart = worker.handleExit(.code(1), at: .seconds(1), jitter: 0)
    #expect(restart == nil && worker.recordState == .failed)
}

@Test func `a crash loop is over once the worker has stood for a whole period`() {
    var worker = started(RestartPolicy(intensity: 0))
    _ = worker.handleExit(.code(1), at: .zero, jitter: 0)
    #expect(worker.isLooping)
    _ = worker.handleTimeout(at: .seconds(30))
    worker.handleReady(at: .seconds(31))
    #expect(worker.isLooping && worker.deadline == .seconds(41))
    _ = worker.handleTimeout(at: .seconds(41))
    #expect(!worker.isLooping && worker.deadline == nil)
}

@Test(arguments: [true, false]) func `a process that outlives its agent is gone on with`(isReady: Bool) {
    let before = started(readyAt: isReady ? .seconds(1) : nil)
    var after = supervision()
    after.handleAdoption(before.memory, at: .seconds(3))
    #expect(after.recordState == before.recordState && after.hasProcess)
    let exit = after.handleExit(.signal(9), at: .seconds(4), jitter: 0)
    #expect(exit == (isReady ? .start : nil))
}

@Test(arguments: 0..<300 as Range<UInt64>) func `whatever happens in whatever order, there is one process at most`(
    seed: UInt64
) {
    var generator = SplitMix(seed: seed)
    let kind = RestartPolicy.Kind.allCases.randomElement(using: &generator)!
    var worker = Supervision(
        policy: RestartPolicy(kind, intensity: 3), startTimeout: .seconds(60), stopTimeout: .seconds(30),
        watchdog: .seconds(15))
    var (now, hasProcess) = (Timestamp.zero, false)
    for _ in 0..<200 {
        now = now.advanced(by: .milliseconds(.random(in: 0...20_000, using: &generator)))
        let action: Supervision.Action?
        switch Int.random(in: 0..<44, using: &generator) {
        case 0..<10: action = worker.handleStart(at: now)
        case 10..<20: action = worker.handleTimeout(at: now)
        case 20..<29:
            worker.handleReady(at: now)
            action = nil
        case 29: action = worker.handleStop(at: now)
        case 30: action = worker.handleVerdict(isQuarantined: .random(using: &generator), at: now)
        case 31: action = worker.handleUnwell("it sleeps", at: now)
        case 32:
            worker.handleAlive(at: now)
            action = nil
        default:
            guard hasProcess else { continue }
            hasProcess = false
            action = worker.handleExit(.code(.random(in: 0...1, using: &generator)), at: now, jitter: 0.5)
        }
        if action == .start {
            #expect(!hasProcess, "seed \(seed): started twice")
            hasProcess = true
        } else if action != nil {
            #expect(hasProcess, "seed \(seed): a signal without a process")
        }
        #expect(worker.hasProcess == hasProcess, "seed \(seed)")
    }
}
