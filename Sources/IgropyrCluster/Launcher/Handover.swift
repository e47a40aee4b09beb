internal import Glibc
public import IgropyrUV

/// What a program leaves to its successor in the same process: `execve` keeps its children and, but for these, no
/// descriptor. Travels in the environment, as JSON with a version; one that the successor does not know counts as none,
/// and then it goes on as after a crash.
public struct Handover: Codable, Sendable {
    private static let variable = "IGROPYR_HANDOVER"
    private static let currentVersion = 1
    /// Linux takes no variable above 128 KiB.
    private static let limitBytes = 120_000

    /// Of the format.
    private var version = currentVersion
    public var descriptors: [String: Int32] = [:]
    public var processes: [String: ProcessIdentity] = [:]
    /// Names of ``NotificationSocket``s.
    public var names: [String: String] = [:]
    /// Whether it was told to end, and has not begun to.
    public var isEnding: Bool?
    /// ``WorkerSettings/openFiles``.
    public var openFiles: Int?

    public init() {}

    /// Taken out of the environment, once. Its descriptors belong to whoever each is for.
    public static let inherited =
        CurrentProcess.takeEnvironment(variable).flatMap(Handover.init(parsing:)) ?? Handover()

    init?(parsing text: String) {
        guard let handover = try? JSON.decode(Handover.self, from: text.utf8),
            handover.version == Self.currentVersion
        else { return nil }
        self = handover
        for descriptor in descriptors.values { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }

    public mutating func merge(_ other: Handover) {
        descriptors.merge(other.descriptors) { $1 }
        processes.merge(other.processes) { $1 }
        names.merge(other.names) { $1 }
    }

    /// Replaces the program of this process by that of a path and arguments, on the thread whose children are to stay.
    /// Whoever started this one finds the same `contract` kept. Signals to a service wait until the new program hears
    /// them (``ServiceSignals/start()``), if its first thread lets them.
    /// - Throws: why it could not; then the descriptors are closed.
    public func exec(_ command: [String], _ contract: ServiceContract) throws(LauncherError) -> Never {
        defer { for descriptor in descriptors.values { close(descriptor) } }
        let text = String(decoding: JSON.line(self), as: UTF8.self)
        guard text.utf8.count <= Self.limitBytes else { throw .system("execve", E2BIG) }
        for descriptor in descriptors.values { _ = fcntl(descriptor, F_SETFD, 0) }
        unsafe setenv(Self.variable, text, 1)
        for (name, value) in contract.environmentOfSuccessor { unsafe setenv(name, value, 1) }
        let error = Launcher.become(command, holding: ServiceSignals.numbers)
        unsafe unsetenv(Self.variable)
        throw error
    }
}
