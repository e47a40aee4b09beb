internal import CLibUV
internal import CLinux
internal import Glibc

/// A program that this process, or one in whose place it is, started and will hear the end of; not `Sendable`, so it
/// stays on its loop.
@safe
public final class ChildProcess {
    /// How a child process ended.
    public enum Termination: Hashable, Sendable, CustomStringConvertible {
        case exited(code: Int64)
        case killed(signal: Int32)
        /// It was none of this process's own children: how it ended only its parent knows.
        case unknown

        public var description: String {
            switch self {
            case .exited(let code): "exited with \(code)"
            case .killed(let signal): "killed by signal \(signal)"
            case .unknown: "ended"
            }
        }
    }

    /// What to start, and what it gets.
    public struct Command: Sendable {
        /// Searched in `PATH` if it has no slash.
        public var executable: String
        public var arguments: [String]
        /// All of the environment; nothing is inherited.
        public var environment: [String: String]
        public var directory: String?
        /// The child's descriptors 0, 1, 2, … : ours, to be duplicated, or nil for `/dev/null` (0–2) or none.
        public var descriptors: [Int32?]
        /// In a session of its own, so that a terminal's Ctrl-C does not reach it, and its whole group can be
        /// signalled.
        public var hasOwnSession: Bool

        public init(
            executable: String, arguments: [String] = [], environment: [String: String] = [:],
            directory: String? = nil, descriptors: [Int32?] = [nil, 1, 2], hasOwnSession: Bool = false
        ) {
            self.executable = executable
            self.arguments = arguments
            self.environment = environment
            self.directory = directory
            self.descriptors = descriptors
            self.hasOwnSession = hasOwnSession
        }
    }

    /// How its end is heard of.
    @safe
    private enum Watch {
        /// libuv waits for it.
        case handle(HandleMemory<uv_process_t>)
        /// A pidfd, which is readable then.
        case descriptor(Int32, Poller)
    }

    public let pid: Int32
    /// Nil only if it was never started.
    public let identity: ProcessIdentity?
    public private(set) var isRunning = true
    /// Its process group, unless that is this process's own.
    public let group: Int32?
    private let watch: Watch
    private var isClosing = false
    private var onExit: ((Termination) -> Void)?

    /// Starts the program.
    /// Calls `onExit` once, on the loop, after which the handle is closed.
    /// - Throws: `UV_ENOENT`, `UV_EACCES` (not executable), `UV_EAGAIN`; then nothing was started.
    public init(on loop: EventLoop, _ command: Command, onExit: @escaping (Termination) -> Void) throws(UVError) {
        loop.preconditionOnLoop()
        let memory = unsafe HandleMemory<uv_process_t>()
        watch = unsafe .handle(memory)
        let outcome = ChildProcesses.start(command.environment[ChildProcesses.invocationVariable]) {
            let result = unsafe command.withOptions { options in
                unsafe options.pointee.exit_cb = didExit
                return unsafe uv_spawn(loop.raw, memory.pointer, options)
            }
            return unsafe result == 0 ? memory.pointer.pointee.pid : result
        }
        pid = outcome > 0 ? outcome : -1
        identity = outcome > 0 ? ProcessIdentity(of: outcome) : nil
        group = command.hasOwnSession && outcome > 0 ? outcome : nil
        self.onExit = onExit
        unsafe memory.retain(owner: self)
        guard outcome > 0 else {
            isRunning = false
            close()  // `uv_spawn` has initialised the handle even though it failed.
            throw UVError(code: outcome, call: "start \(command.executable)")
        }
    }

    /// Goes on with a process that this program started before it was replaced, or its predecessor did, or a child.
    /// Calls `onExit` once, on the loop.
    /// - Throws: `UV_ESRCH` if it has ended and was waited for, or its number is another's by now.
    public init(
        on loop: EventLoop, adopting process: ProcessIdentity, onExit: @escaping (Termination) -> Void
    ) throws(UVError) {
        // It means one process, whatever becomes of the number.
        let handle = Descriptor(owning: try check(igropyr_pidfd_open(process.pid), errnoOf: "pidfd_open"))
        guard let status = ProcessStatus(of: process.pid), status.identity == process else {
            throw UVError(errno: ESRCH, "pidfd_open")
        }
        pid = process.pid
        identity = process
        group = status.group == getpgrp() ? nil : status.group
        self.onExit = onExit
        let watcher = try Poller(on: loop, descriptor: handle.number)
        watch = .descriptor(handle.take(), watcher)
        ChildProcesses.insert(pid, invocation: ProcessStatus.invocation(of: pid))
        guard case .descriptor(_, let poller) = watch else { return }
        do throws(UVError) {
            try poller.start { self.finish(self.waitForAdopted()) }
        } catch {
            close()
            throw error
        }
    }

    deinit {
        if case .handle(let memory) = watch { unsafe memory.deallocate() }
    }

    /// Sends a signal; nothing happens if the process has ended.
    public func signal(_ number: Int32) {
        guard isRunning else { return }
        switch watch {
        case .handle(let memory): unsafe uv_process_kill(memory.pointer, number)
        case .descriptor(let descriptor, _): _ = igropyr_pidfd_send_signal(descriptor, number)
        }
    }

    /// Sends a signal to the process and all that it started, if it has a session of its own.
    public func signalGroup(_ number: Int32) {
        guard isRunning else { return }
        uv_kill(group.map { -$0 } ?? pid, number)
    }

    /// Kills what has stayed in its group. To be called as it ends: the number is not given away while the group lasts.
    public func killRemains() {
        if let group { uv_kill(-group, SIGKILL) }
    }

    fileprivate func finish(_ status: Termination) {
        isRunning = false
        ChildProcesses.remove(pid)
        let completion = onExit
        close()
        completion?(status)
    }

    private func waitForAdopted() -> Termination {
        var status: Int32 = 0
        guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return .unknown }
        let signal = status & 0x7f
        return signal == 0 ? .exited(code: Int64(status >> 8 & 0xff)) : .killed(signal: signal)
    }

    /// Idempotent. Stops listening to the process; it goes on by itself. Once it ends it leaves no zombie.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        onExit = nil
        switch watch {
        case .handle(let memory): unsafe memory.close()
        case .descriptor(let descriptor, let poller):
            poller.close()
            Glibc.close(descriptor)
        }
        if isRunning { reap(pid) }
    }
}

/// Waits on a thread of its own for the end of a child that libuv looks after no more.
private func reap(_ pid: Int32) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    unsafe pthread_attr_setstacksize(&attributes, 64 << 10)
    var thread = pthread_t()
    // Without memory for a thread, the zombie stays until this process ends.
    _ = unsafe pthread_create(&thread, &attributes, waitForEnd, UnsafeMutableRawPointer(bitPattern: Int(pid)))
    unsafe pthread_attr_destroy(&attributes)
}

private func waitForEnd(_ pid: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let pid = pid_t(truncatingIfNeeded: Int(bitPattern: pid))
    while waitpid(pid, nil, 0) < 0, errno == EINTR {}
    ChildProcesses.remove(pid)
    return nil
}

extension ChildProcess.Command {
    /// Lends the command as libuv has it, for the length of the call.
    fileprivate func withOptions(_ body: (UnsafeMutablePointer<uv_process_options_t>) -> Int32) -> Int32 {
        let arguments = unsafe CStrings([executable] + self.arguments)
        let environment = unsafe CStrings(self.environment.map { "\($0.key)=\($0.value)" }.sorted())
        defer {
            unsafe arguments.deallocate()
            unsafe environment.deallocate()
        }
        var containers = unsafe descriptors.map { descriptor in
            var container = unsafe uv_stdio_container_t()
            unsafe container.flags = descriptor == nil ? UV_IGNORE : UV_INHERIT_FD
            if let descriptor { unsafe container.data.fd = descriptor }
            return unsafe container
        }
        return unsafe containers.withUnsafeMutableBufferPointer { containers in
            unsafe withOptionalCString(directory) { directory in
                var options = unsafe uv_process_options_t()
                unsafe options.file = UnsafePointer(arguments.pointers[0])
                unsafe options.args = arguments.pointers.baseAddress
                unsafe options.env = environment.pointers.baseAddress
                unsafe options.cwd = directory
                unsafe options.flags = hasOwnSession ? UV_PROCESS_DETACHED.rawValue : 0
                unsafe options.stdio_count = Int32(containers.count)
                unsafe options.stdio = containers.baseAddress
                return unsafe body(&options)
            }
        }
    }
}

/// A nil-terminated array of C strings.
@unsafe
private struct CStrings {
    let pointers: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>

    init(_ strings: [String]) {
        unsafe pointers = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { unsafe pointers.initializeElement(at: index, to: strdup(string)) }
        unsafe pointers.initializeElement(at: strings.count, to: nil)
    }

    func deallocate() {
        for index in unsafe pointers.indices { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}

private func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return unsafe text.withCString { unsafe body($0) }
}

private func didExit(_ handle: UnsafeMutablePointer<uv_process_t>?, _ code: Int64, _ signal: Int32) {
    let status: ChildProcess.Termination = signal == 0 ? .exited(code: code) : .killed(signal: signal)
    unsafe owner(of: handle, as: ChildProcess.self).finish(status)
}
