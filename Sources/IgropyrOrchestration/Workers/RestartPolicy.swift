/// When a worker that ended is started again; names and meaning are those of Erlang/OTP supervisors.
public struct RestartPolicy: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Always.
        case permanent
        /// After a failure only: a non-zero exit, a signal, or a start that took too long.
        case transient
        /// Never.
        case temporary
    }

    public var kind: Kind
    /// More restarts than this within the period put the worker in quarantine.
    public var intensity: Int
    public var periodMilliseconds: Int

    public init(_ kind: Kind = .permanent, intensity: Int = 5, periodMilliseconds: Int = 10_000) {
        self.kind = kind
        self.intensity = intensity
        self.periodMilliseconds = periodMilliseconds
    }
}
