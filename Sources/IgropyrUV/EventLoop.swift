internal import CLibUV
internal import Glibc
public import IgropyrTime
internal import Synchronization

/// A libuv loop: the one thread on which everything opened on it runs, and the executor of Swift tasks there.
///
/// Start tasks that touch what lives on the loop with `Task(executorPreference: loop)`: a task without that preference
/// visits the shared thread pool at each resumption. The loop belongs to the thread that calls ``run()``; until then
/// the thread that made it may open handles on it. ``submit(_:)``, ``stop()`` and `enqueue` are for any thread, all
/// else is for the loop's own.
///
/// No task that the loop executes is ever lost: what comes after ``stop()`` runs on a thread that lasts as long as
/// there is such work.
@safe
public final class EventLoop: TaskExecutor, Sendable {
    /// What may run on the loop: the next stretch of a Swift task, within no actor or within one, or a plain function.
    private enum Work {
        case task(UnownedJob)
        case actor(UnownedJob)
        case function(@Sendable () -> Void)
    }

    /// Jobs run in one go before the loop looks at its sockets again, so that tasks that keep yielding starve nobody.
    private static let jobsPerTurn = 256
    /// After which who could go on without waiting should let others have their turn.
    private static let longTurn = Duration.milliseconds(2)
    /// Bytes taken from a socket in one read.
    static let scratchBytes = 65_536

    nonisolated(unsafe) let raw: UnsafeMutablePointer<uv_loop_t>  // Its thread's own.
    /// Where reads go first; lent to whoever owns the socket for the length of one call.
    nonisolated(unsafe) let scratch: UnsafeMutableRawBufferPointer

    // The loop's own handles: `wakeUp` may be signalled from any thread, the others are its thread's own.
    nonisolated(unsafe) private let wakeUp: UnsafeMutablePointer<uv_async_t>
    nonisolated(unsafe) private let beforePoll: UnsafeMutablePointer<uv_prepare_t>
    nonisolated(unsafe) private let keepTurning: UnsafeMutablePointer<uv_idle_t>

    private struct Inbox {
        var work: [Work] = []
        /// Whether a thread turns the loop or is about to, and so will look here.
        var isAttended = true
    }

    /// Work from other threads.
    private let inbox = Locked(Inbox())
    /// Work from the loop's own thread, which needs no lock and no system call.
    @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    nonisolated(unsafe) private var local: [Work] = []
    @exclusivity(unchecked) nonisolated(unsafe) private var running: [Work] = []
    /// What waits for the next turn.
    nonisolated(unsafe) private var deferred: [Work] = []
    /// By the numbers of ``LoopLocal``s; its thread's own, and gone when the loop rests.
    nonisolated(unsafe) var locals: [Int: AnyObject] = [:]

    private let actorExecutor = LoopActorExecutor()
    private let thread = Atomic<UInt>(UInt(pthread_self()))
    private let isStopping = Atomic<Bool>(false)

    /// libuv writes without `MSG_NOSIGNAL`: a peer that goes away must not end the process. Child processes get the
    /// signal back.
    private static let ignoresBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Has the whole process ignore `SIGPIPE`.
    /// - Throws: `UV_ENOMEM`, `UV_EMFILE` when the process has no descriptor left.
    public init() throws(UVError) {
        Self.ignoresBrokenPipes
        let raw = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let wakeUp = UnsafeMutablePointer<uv_async_t>.allocate(capacity: 1)
        do throws(UVError) {
            try check(unsafe uv_loop_init(raw), "uv_loop_init")
            do throws(UVError) {
                try check(unsafe uv_async_init(raw, wakeUp, didWakeUp), "uv_async_init")
            } catch {
                unsafe uv_loop_close(raw)
                throw error
            }
        } catch {
            unsafe raw.deallocate()
            unsafe wakeUp.deallocate()
            throw error
        }
        unsafe self.raw = raw
        unsafe self.wakeUp = wakeUp
        unsafe scratch = .allocate(byteCount: Self.scratchBytes, alignment: 16)
        unsafe beforePoll = .allocate(capacity: 1)
        unsafe keepTurning = .allocate(capacity: 1)
        let unretained = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe uv_prepare_init(raw, beforePoll)
        unsafe uv_idle_init(raw, keepTurning)
        unsafe forEachOwnHandle { handle in unsafe handle.pointee.data = unsafe unretained }
        unsafe uv_loop_set_data(raw, unretained)
        unsafe actorExecutor.loop = self
        unsafe uv_prepare_start(beforePoll, willPoll)
        unsafe uv_unref(beforePoll.asHandle)
    }

    deinit {
        unsafe forEachOwnHandle { handle in unsafe uv_close(handle, nil) }
        unsafe uv_run(raw, UV_RUN_NOWAIT)
        // If something was left open, libuv goes on referring to the memory.
        guard unsafe uv_loop_close(raw) == 0 else { return }
        unsafe scratch.deallocate()
        unsafe wakeUp.deallocate()
        unsafe beforePoll.deallocate()
        unsafe keepTurning.deallocate()
        unsafe raw.deallocate()
    }

    /// The loop's time, read once a turn; counts in milliseconds.
    public var now: Timestamp { .milliseconds(Int64(clamping: unsafe uv_now(raw))) }

    /// The time at this very moment, on the same clock as ``now``, in nanoseconds.
    public static var preciseNow: Timestamp { Timestamp(nanoseconds: Int64(clamping: uv_hrtime())) }

    /// The time of day in whole seconds since 1970, which may jump. For any thread.
    public static var secondsSince1970: Int64 {
        var time = uv_timeval64_t()
        _ = unsafe uv_gettimeofday(&time)
        return time.tv_sec
    }

    /// The loop that the calling thread turns; nil if it turns none.
    public static var current: EventLoop? {
        guard let raw = unsafe pthread_getspecific(turningLoop) else { return nil }
        return unsafe Unmanaged<EventLoop>.fromOpaque(raw).takeUnretainedValue()
    }

    /// Under which each thread keeps the loop that it turns.
    private static let turningLoop: pthread_key_t = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key, nil)
        precondition(result == 0, "pthread_key_create")  // A process has 1024, and this is its first.
        return key
    }()

    /// Whether the calling thread is the loop's.
    public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    public func preconditionOnLoop() { precondition(isCurrent, "called off the event loop's thread") }

    /// Gives the loop up until some thread calls ``run()``: from here on nobody else may open handles on it.
    func leaveThread() { thread.store(0, ordering: .relaxed) }

    /// Turns the loop on the calling thread until ``stop()``, and until what was offloaded is done.
    /// - Throws: `UV_EBUSY` if something opened on the loop was left open; the error names it.
    public func run() throws(UVError) {
        takeThread()
        unsafe uv_run(raw, UV_RUN_DEFAULT)
        runLocalWork()
        for local in unsafe Array(locals.values) { (local as? any LoopResident)?.loopWillEnd() }
        let leaked = openHandles()
        unsafe uv_unref(wakeUp.asHandle)  // From here on only work keeps the loop turning.
        if leaked.isEmpty { unsafe uv_run(raw, UV_RUN_DEFAULT) }
        if !rest() { attend() }
        guard leaked.isEmpty else {
            let names = leaked.joined(separator: ", ")
            throw UVError(code: UVError.busy, call: "stopping a loop with open handles: \(names)")
        }
    }

    /// Ends ``run()`` once the turn is done. Idempotent, for any thread.
    public func stop() {
        guard !isStopping.exchange(true, ordering: .relaxed) else { return }
        submit { [self] in unsafe uv_stop(raw) }
    }

    /// Has `function` run on the loop's thread soon, never within this call. For any thread.
    public func submit(_ function: @escaping @Sendable () -> Void) { add(.function(function)) }

    /// The same from the loop's own thread, where what the function holds need not be `Sendable`.
    public func submitLocally(_ function: @escaping () -> Void) {
        preconditionOnLoop()
        nonisolated(unsafe) let function = function  // It never leaves this thread.
        unsafe local.append(.function { unsafe function() })
    }

    /// The same once the loop has looked at its sockets and timers again, without waiting for any.
    public func submitForNextTurn(_ function: @escaping () -> Void) {
        preconditionOnLoop()
        nonisolated(unsafe) let function = function  // As above.
        unsafe deferred.append(.function { unsafe function() })
    }

    /// Whether it is some milliseconds ago that the loop looked at its sockets and timers: who goes on without waiting
    /// for anything, such as a task that writes to a peer who takes all at once, should then ``waitForNextTurn()``.
    public var isTurnLong: Bool { now.duration(to: Self.preciseNow) > Self.longTurn }

    /// Lets all others that live on the loop go first. For tasks on the loop.
    public func waitForNextTurn() async {
        await withCheckedContinuation { continuation in submitForNextTurn { continuation.resume() } }
    }

    // MARK: Executor

    public func enqueue(_ job: consuming ExecutorJob) { add(.task(UnownedJob(job))) }

    func enqueue(ofActor job: consuming ExecutorJob) { add(.actor(UnownedJob(job))) }

    /// Of actors whose code runs on the loop.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe actorExecutor.asUnownedSerialExecutor() }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { unsafe UnownedTaskExecutor(ordinary: self) }

    // MARK: Work

    private func add(_ work: Work) {
        guard !isCurrent else {
            unsafe local.append(work)
            return
        }
        let isAttended = inbox.withLock { inbox in
            defer { inbox.isAttended = true }
            inbox.work.append(work)
            // Before anybody can take the work, and then let go of the loop.
            if inbox.isAttended, inbox.work.count == 1 { unsafe uv_async_send(wakeUp) }
            return inbox.isAttended
        }
        if !isAttended { attend() }
    }

    fileprivate func takeInbox() {
        let arrived = inbox.withLock { inbox in
            let all = inbox.work
            inbox.work.removeAll(keepingCapacity: true)
            return all
        }
        unsafe local.append(contentsOf: arrived)
    }

    /// Runs what is queued, and what that queues, up to a bound; beyond it the loop turns without waiting.
    fileprivate func runLocalWork() {
        unsafe local.append(contentsOf: deferred)
        unsafe deferred.removeAll(keepingCapacity: true)
        var budget = Self.jobsPerTurn
        while unsafe !local.isEmpty, budget > 0 {
            unsafe swap(&local, &running)
            budget -= unsafe running.count
            for work in unsafe running { run(work) }
            unsafe running.removeAll(keepingCapacity: true)
        }
        if unsafe local.isEmpty, unsafe deferred.isEmpty {
            unsafe uv_idle_stop(keepTurning)
        } else {
            unsafe uv_idle_start(keepTurning, doNothing)
        }
    }

    private func run(_ work: Work) {
        switch work {
        case .task(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        case .actor(let job):
            unsafe job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        case .function(let function): function()
        }
    }

    // MARK: Threads

    private func takeThread() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        unsafe pthread_setspecific(Self.turningLoop, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Gives the thread back, unless there is work left.
    private func rest() -> Bool {
        unsafe locals.removeAll()  // They may hold the loop.
        let rests = inbox.withLock { inbox in
            guard unsafe local.isEmpty, unsafe deferred.isEmpty, inbox.work.isEmpty else { return false }
            inbox.isAttended = false
            leaveThread()
            return true
        }
        if rests { pthread_setspecific(Self.turningLoop, nil) }
        return rests
    }

    /// Does what is left to do after ``stop()``, on a thread of its own.
    private func attend() {
        do throws(UVError) {
            let thread = try startThread(name: "igropyr-late") { [self] in
                takeThread()
                repeat {
                    unsafe uv_update_time(raw)
                    takeInbox()
                    runLocalWork()
                    unsafe uv_run(raw, UV_RUN_DEFAULT)
                } while !rest()
            }
            pthread_detach(thread)
        } catch { preconditionFailure("no thread for a task of a loop that was stopped: \(error)") }
    }

    // MARK: Handles

    fileprivate func owns(_ handle: UnsafeMutablePointer<uv_handle_t>) -> Bool {
        unsafe handle == wakeUp.asHandle || handle == beforePoll.asHandle || handle == keepTurning.asHandle
    }

    private func forEachOwnHandle(_ body: (UnsafeMutablePointer<uv_handle_t>) -> Void) {
        unsafe body(wakeUp.asHandle)
        unsafe body(beforePoll.asHandle)
        unsafe body(keepTurning.asHandle)
    }

    /// The types of the handles that others opened and did not close.
    private func openHandles() -> [String] {
        var names: [String] = []
        unsafe withUnsafeMutablePointer(to: &names) { names in
            unsafe uv_walk(raw, noteOpenHandle, names)
        }
        return names
    }
}

private func noteOpenHandle(_ handle: UnsafeMutablePointer<uv_handle_t>?, _ names: UnsafeMutableRawPointer?) {
    guard let handle = unsafe handle, unsafe uv_is_closing(handle) == 0 else { return }
    let loop = unsafe Unmanaged<EventLoop>.fromOpaque(uv_loop_get_data(handle.pointee.loop)).takeUnretainedValue()
    guard unsafe !(loop.owns(handle)) else { return }
    let name = unsafe String(cString: uv_handle_type_name(uv_handle_get_type(handle)))
    unsafe names!.assumingMemoryBound(to: [String].self).pointee.append(name)
}

private func eventLoop<Raw>(of handle: UnsafeMutablePointer<Raw>?) -> EventLoop {
    unsafe owner(of: handle, as: EventLoop.self)
}

private func didWakeUp(_ handle: UnsafeMutablePointer<uv_async_t>?) { unsafe eventLoop(of: handle).takeInbox() }

private func willPoll(_ handle: UnsafeMutablePointer<uv_prepare_t>?) { unsafe eventLoop(of: handle).runLocalWork() }

private func doNothing(_: UnsafeMutablePointer<uv_idle_t>?) {}
