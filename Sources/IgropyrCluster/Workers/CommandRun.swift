internal import FoundationEssentials
internal import Glibc
internal import IgropyrUV

/// A command that an operator runs beside a worker. It starts when it is first read from, goes no faster than it is
/// read, and does not outlive its reader.
actor CommandRun: LoopBound {
    /// From SIGTERM to SIGKILL, once nobody reads any more.
    private static let grace = Duration.seconds(2)

    nonisolated let loop: EventLoop
    private let prepare: @Sendable (CommandRun) async throws -> Start
    private var start: Start?
    private var process: ChildProcess?
    private var streams: [PulledStream] = []
    private var openStreams = 0
    private var waiting: [ExecLine] = []
    private var ending: ExecLine?
    private var hasBegun = false
    private var isStopping = false
    /// The last line was read.
    private var isOver = false
    private let arrivals = WaitingTasks()
    private let room = WaitingTasks()

    /// What there is to start, and what is to happen when it is over: once, whether it was started or not.
    struct Start: Sendable {
        var command: ChildProcess.Command
        var onEnd: @Sendable () async -> Void
    }

    init(on loop: EventLoop, prepare: @escaping @Sendable (CommandRun) async throws -> Start) {
        self.loop = loop
        self.prepare = prepare
    }

    /// Each ``ExecLine`` as JSON. To be read to the end: one whose task is cancelled has what is left killed by asking
    /// once more. (An `AsyncStream` would no longer ask.)
    struct Lines: AsyncSequence, AsyncIteratorProtocol, Sendable {
        typealias Failure = Never

        fileprivate let run: CommandRun

        func makeAsyncIterator() -> Lines { self }
        func next() async -> [UInt8]? { await run.next() }
    }

    nonisolated var lines: Lines { Lines(run: self) }

    private func next() async -> [UInt8]? {
        guard !isOver else { return nil }
        if !hasBegun, !Task.isCancelled { await begin() }
        await arrivals.wait(on: loop) { waiting.isEmpty && (openStreams > 0 || ending == nil) }
        guard !Task.isCancelled else {
            stop()
            return nil
        }
        guard waiting.isEmpty else {
            defer { room.wake() }
            return JSON.line(waiting.removeFirst())
        }
        isOver = true
        return ending.map(JSON.line)
    }

    // MARK: - Beginning

    private func begin() async {
        hasBegun = true
        do {
            let start = try await prepare(self)
            self.start = start
            guard !isStopping else { return finish(.failed(reason: "the node is stopping")) }
            try spawn(start.command)
        } catch { finish(.failed(reason: "\(error)")) }
    }

    private func spawn(_ command: ChildProcess.Command) throws(UVError) {
        var command = command
        var childs: [Int32] = []
        defer { for descriptor in childs { Descriptor.close(descriptor) } }
        for _ in 1...2 {
            let pipe = try PulledStream.pipe(childReads: false)
            childs.append(pipe.childs)
            streams.append(try PulledStream(on: loop, owning: pipe.ours))
        }
        command.descriptors = [nil, childs[0], childs[1]]
        command.environment[ChildProcesses.invocationVariable] = ChildProcesses.makeInvocation()
        process = try ChildProcess(on: loop, command) { self.didEnd($0) }
        openStreams = 2
        Task(executorPreference: loop) { await self.follow(0) { .output($0) } }
        Task(executorPreference: loop) { await self.follow(1) { .errors($0) } }
    }

    private func follow(_ number: Int, _ line: @Sendable (Data) -> ExecLine) async {
        let stream = streams[number]
        while let bytes = try? await stream.read() {
            await room.wait { waiting.count > 1 && !isStopping }
            waiting.append(line(Data(bytes)))
            arrivals.wake()
        }
        stream.close()
        openStreams -= 1
        arrivals.wake()
    }

    // MARK: - End

    private func didEnd(_ status: ChildProcess.Termination) {
        process?.killRemains()
        switch status {
        case .exited(let code): finish(.exited(code: Int32(clamping: code)))
        case .killed(let signal): finish(.killed(signal: signal))
        case .unknown: finish(.failed(reason: "its end was not seen"))
        }
    }

    private func finish(_ line: ExecLine) {
        if process == nil { closeStreams() }
        process = nil
        ending = line
        if let start { Task(executorPreference: loop) { await start.onEnd() } }
        start = nil
        arrivals.wake()
    }

    private func closeStreams() {
        for stream in streams { stream.close() }
        room.wake()
    }

    /// Ends it; its reader learns how it ended.
    func stop() {
        guard !isStopping else { return }
        isStopping = true
        closeStreams()
        guard let process else { return }
        process.signalGroup(SIGTERM)
        Task(executorPreference: loop) {
            try? await Task.sleep(for: Self.grace)
            await self.kill()
        }
    }

    private func kill() { process?.signalGroup(SIGKILL) }
}
