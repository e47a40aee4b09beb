internal import Igropyr
internal import IgropyrText
internal import IgropyrUV
internal import Logging

/// A program that runs for one request (RFC 3875); stays on its loop.
final class CGIProgram: GatewayConversation {
    private let process: ChildProcess
    private let input: PulledStream
    private let output: PulledStream
    private let programs: CGIPrograms
    private var isOver = false
    /// It has said all it had to say.
    private var isComplete = false

    /// - Throws: ``HTTPFailure`` 503 without descriptors, 500 if the program cannot be started, which the log explains.
    init(_ call: FileRequest, _ settings: CGISettings, bodyBytes: Int?, _ programs: CGIPrograms) throws {
        self.programs = programs
        do throws(UVError) {
            let pipes = try CGIPipes(on: call.loop)
            defer { pipes.closeChilds() }
            let command = Self.command(call, settings, bodyBytes, pipes)
            do throws(UVError) {
                process = try ChildProcess(on: call.loop, command) { [programs] _ in programs.didEnd() }
            } catch {
                pipes.closeOurs()
                throw error
            }
            (input, output) = (pipes.input, pipes.output)
            programs.follow(pipes.errors, of: call)
        } catch {
            call.log.error(
                "a program cannot be started",
                metadata: ["file": "\(call.file)", "reason": "\(error)", "interpreter": "\(settings.interpreter)"])
            throw HTTPFailure(.internalServerError)
        }
        programs.add(process)
    }

    private static func command(
        _ call: FileRequest, _ settings: CGISettings, _ bodyBytes: Int?, _ pipes: CGIPipes
    ) -> ChildProcess.Command {
        let script = call.root + "/" + call.file
        let words = settings.interpreter + [script]
        let variables = MetaVariables(
            call, root: call.root, environment: settings.environment, bodyBytes: bodyBytes)
        return ChildProcess.Command(
            executable: words[0], arguments: Array(words.dropFirst()),
            environment: variables.dictionary,
            directory: script.pathNames.dropLast().joined(separator: "/"),
            descriptors: [pipes.childs[0], pipes.childs[1], pipes.childs[2]], hasOwnSession: true)
    }

    func begin() {}

    func send(_ bytes: [UInt8]) async throws { try await input.write(bytes) }

    func endBody() { input.close() }

    /// Once the program has ended, and its output was silent for a time after that, it has said all, though what it has
    /// started may keep its output open.
    func read(within limit: Duration?) async throws -> [UInt8]? {
        var left = limit ?? .zero
        while true {
            let hasEnded = !process.isRunning  // Asked first: one that ends as the time does leaves words behind.
            let wait = limit == nil || hasEnded ? CGIPrograms.grace : min(left, CGIPrograms.grace)
            do {
                let bytes = try await output.read(within: wait, isClosedWithTask: true)
                isComplete = bytes == nil
                return bytes
            } catch let error as UVError where error.code == UVError.timedOut {
                left -= wait
                isComplete = hasEnded
                if isComplete { return nil }
                if limit != nil, left <= .zero, process.isRunning { throw error }
            }
        }
    }

    func end() {
        guard !isOver else { return }
        isOver = true
        input.close()
        output.close()
        programs.end(process, isComplete: isComplete)
    }
}

/// Three pipes to a program, of which it gets one end each.
private struct CGIPipes {
    let input: PulledStream
    let output: PulledStream
    let errors: PulledStream
    let childs: [Int32]

    init(on loop: EventLoop) throws(UVError) {
        var (streams, childs): ([PulledStream], [Int32]) = ([], [])
        do throws(UVError) {
            for childReads in [true, false, false] {
                let pipe = try PulledStream.pipe(childReads: childReads)
                childs.append(pipe.childs)
                streams.append(try PulledStream(on: loop, owning: pipe.ours))
            }
        } catch {
            for stream in streams { stream.close() }
            for descriptor in childs { Descriptor.close(descriptor) }
            throw error
        }
        (input, output, errors) = (streams[0], streams[1], streams[2])
        self.childs = childs
    }

    func closeChilds() { for descriptor in childs { Descriptor.close(descriptor) } }

    func closeOurs() { for stream in [input, output, errors] { stream.close() } }
}

/// The programs that run on one loop.
final class CGIPrograms {
    /// What a program has to end in, once it is told to or has said all; and how long what it has started may be silent
    /// once it has ended.
    fileprivate static let grace = Duration.seconds(2)

    private let loop: EventLoop
    let turns: Turns
    private var running: [Int32: (process: ChildProcess, timer: Timer?)] = [:]
    /// Standard errors: also of what programs have left behind, which may keep them open.
    private var errors: [ObjectIdentifier: PulledStream] = [:]

    init(_ loop: EventLoop, limit: Int) {
        self.loop = loop
        turns = Turns(limit: limit, waiting: 4 * limit)
    }

    func add(_ process: ChildProcess) {
        running[process.pid] = (process, nil)
    }

    func didEnd() {
        for (pid, entry) in running where !entry.process.isRunning {
            entry.timer?.close()
            running[pid] = nil
            turns.giveBack()
        }
    }

    /// Logs what comes.
    func follow(_ stream: PulledStream, of call: FileRequest) {
        let key = ObjectIdentifier(stream)
        errors[key] = stream
        ErrorOutput.follow(stream, of: call.file, call.log, on: loop) { [weak self] in self?.errors[key] = nil }
    }

    /// Sees to it that the program ends, and if it was cut off what it has started, too.
    func end(_ process: ChildProcess, isComplete: Bool) {
        guard process.isRunning, running[process.pid] != nil else { return }
        if !isComplete { process.signalGroup(15 /* SIGTERM */) }
        guard let timer = try? Timer(on: loop) else { return process.signalGroup(9 /* SIGKILL */) }
        running[process.pid]?.timer = timer
        try? timer.start(after: Self.grace) { process.signalGroup(9) }
    }

    /// No request will come any more: kills what is left.
    func close() {
        for (process, timer) in running.values {
            timer?.close()
            process.signalGroup(9)
            process.close()
        }
        running = [:]
        for stream in errors.values { stream.close() }
    }
}
