public import FoundationEssentials
internal import IgropyrOrchestration

/// Asks a host to run a command beside one of its workers.
struct ExecRequest: Codable, Sendable {
    /// Of words in a command.
    static let wordLimit = 1000

    var version = ControlAPI.version
    var application: ApplicationName
    /// nil: whichever.
    var index: Int?
    /// The program, a path or what `PATH` finds, and its arguments.
    var command: [String]
}

/// What a command prints and how it ends, line by line of the answer.
public enum ExecLine: Codable, Sendable, Hashable {
    case output(Data)
    case errors(Data)
    /// The last, as is each of the following.
    case exited(code: Int32)
    case killed(signal: Int32)
    /// It was not started.
    case failed(reason: String)
}
