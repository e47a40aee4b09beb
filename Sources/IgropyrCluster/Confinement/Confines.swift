internal import FoundationEssentials
internal import Glibc

/// What ``Launcher`` does to its own process before that becomes a worker's program. Travels in its environment, from
/// which the launcher takes it.
struct Confines: Codable, Equatable {
    static let variable = "IGROPYR_CONFINES"

    /// How a process gets a view of the files of its own; see ``apply()``.
    struct FileView: Codable, Equatable {
        /// The node's, of which only ``bundle`` and ``Confines/privateFolder`` stay in sight.
        var dataFolder: String
        /// The worker's; becomes read-only.
        var bundle: String
        /// Or else it goes on without.
        var isRequired: Bool
    }

    /// The process's own, gone with it; temporary files are for `tmp` in it.
    var privateFolder: String
    /// The folder of a control group to enter.
    var controlGroup: String?
    /// Limits of the process itself (`setrlimit`); nil for as it is.
    var memoryBytes: Int?
    var openFiles: Int?
    /// The soft limit alone, where ``openFiles`` is nil.
    var softOpenFiles: Int?
    var processes: Int?
    /// A name or a number; nil: the node's own.
    var user: String?
    /// Who it is where it has a view of its own, and ``user`` is nil.
    var isolatedUser: String?
    var view: FileView?
    /// Like ``privateFolder``, but in memory; nil without ``secretFolder``.
    var memoryFolder: String?
    /// In memory, for ``secretFiles``; nil if there are none.
    var secretFolder: String?
    var secretFiles: [String: Data] = [:]
    /// For the process to read; nil if there is none.
    var keyFile: String?

    var temporaryFolder: String { "\(privateFolder)/tmp" }

    /// Those for this process; nil unless it is to be a worker. Removed from the environment.
    static func take() throws(LauncherError) -> Confines? {
        guard let text = unsafe getenv(variable) else { return nil }
        let bytes = Array(unsafe String(cString: text).utf8)
        unsafe unsetenv(variable)
        do { return try JSON.decode(Confines.self, from: bytes) } catch { throw .usage }
    }

    var text: String { String(decoding: JSON.line(self), as: UTF8.self) }
}
