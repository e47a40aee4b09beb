import Foundation

/// What stands for an option that is not given.
enum EnvironmentVariable: String {
    case node = "IGROPYR_NODE"
    case keyFile = "IGROPYR_KEY_FILE"
    case data = "IGROPYR_DATA"
    case token = "IGROPYR_TOKEN"
    /// systemd's.
    case journalStream = "JOURNAL_STREAM"

    /// nil also if it is empty, as one is that a script or a unit file does not fill in.
    var value: String? {
        ProcessInfo.processInfo.environment[rawValue].flatMap { $0.isEmpty ? nil : $0 }
    }
}
