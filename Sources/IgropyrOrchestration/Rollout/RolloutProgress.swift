/// How far a deployment is: what operators and the hosts have decided since it was made.
public struct RolloutProgress: Hashable, Sendable, Codable {
    public enum Cause: String, Hashable, Sendable, Codable {
        case deploy, restart, rollback
        /// The hosts' own decision, after a new worker failed.
        case automaticRollback
    }

    public var cause: Cause
    /// All its workers were found good; it stands, and a failure from now on is a matter of supervision.
    public var isComplete = false
    /// No further slot is replaced, and nothing rolls back by itself.
    public var isPaused = false
    /// An operator has let the other slots follow the canaries.
    public var isPromoted = false
    /// For people: why it was rolled back; may be empty.
    public var reason = ""
    /// When it was rolled back, by the clock of the host whose word counts: the deployment's timestamp is that of the
    /// decision before. nil for what an operator decided, likewise from an earlier edition.
    public var rolledBackAt: UnixTime?

    public init(_ cause: Cause) { self.cause = cause }

    func appendCanonically(to canonical: inout CanonicalBytes) {
        canonical.append([cause.rawValue, reason])
        for flag in [isComplete, isPaused, isPromoted] { canonical.append(flag ? 1 : 0) }
        canonical.append(rolledBackAt?.milliseconds ?? .min)
    }
}

/// A deployment that was replaced by a later one.
public struct PastDeployment: Hashable, Sendable, Codable {
    public enum Outcome: String, Hashable, Sendable, Codable {
        /// It was complete: what a rollback goes back to.
        case stood
        /// It was rolled back.
        case failed
        /// A later one came before it was complete.
        case superseded
    }

    /// When it was decided, by an operator or the hosts.
    public var time: UnixTime
    public var spec: DeploymentSpec
    public var outcome: Outcome

    public init(time: UnixTime, spec: DeploymentSpec, outcome: Outcome) {
        self.time = time
        self.spec = spec
        self.outcome = outcome
    }

    func appendCanonically(to canonical: inout CanonicalBytes) {
        canonical.append(time.milliseconds)
        canonical.append(outcome.rawValue)
        canonical.append(spec.canonicalBytes.count)
        canonical.append(spec.canonicalBytes)
    }
}
