internal import Glibc
internal import IgropyrUV
internal import Logging

/// The ``Keeper`` beside an agent that has workers. Stays on its loop.
final class KeeperProcess {
    private let words: [String]?
    private let folder: String
    private let socket: Int32?
    private let logger: Logger
    private let loop: EventLoop
    private var process: ChildProcess?

    /// `words` are a path and arguments; nil: nobody ends the workers of an agent that dies. It gets the `socket`,
    /// which is closed with this.
    init(_ words: [String]?, for folder: String, holding socket: Int32?, logger: Logger, on loop: EventLoop) {
        self.words = words
        self.folder = folder
        self.socket = socket
        self.logger = logger
        self.loop = loop
    }

    deinit { if let socket { Descriptor.close(socket) } }

    var identity: ProcessIdentity? { process?.identity }

    /// Idempotent; starts one that has died anew. By the notification address the next agent knows it for what is to
    /// go.
    func start(notificationAddress: String) {
        guard process == nil, let words else { return }
        let command = ChildProcess.Command(
            executable: words[0], arguments: words.dropFirst() + ["--parent", "\(getpid())", "--data", folder],
            environment: ["NOTIFY_SOCKET": notificationAddress], descriptors: [nil, nil, 2, socket],
            hasOwnSession: true)
        do throws(UVError) {
            process = try ChildProcess(on: loop, command) { _ in self.process = nil }
        } catch {
            logger.warning(
                "cannot start the keeper: workers would outlive this agent", metadata: ["reason": "\(error)"])
        }
    }

    /// Idempotent.
    func stop() {
        process?.signal(SIGKILL)
        process?.close()
        process = nil
    }
}
