public import IgropyrOrchestration

// What operators ask of a node beside deploying, and what it tells.

/// A change of a deployed application.
struct ChangeRequest: Codable, Sendable {
    var version = ControlAPI.version
    var change: ReplicatedState.Change
}

/// Whether the host that is asked takes workers.
struct SchedulingRequest: Codable, Sendable {
    var version = ControlAPI.version
    var scheduling: Scheduling
}

/// A question what would move; without any of its conditions: what is yet to happen as things are.
public struct PlanRequest: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    /// Hosts that are thought away.
    public var without: [HostName] = []
    /// An application that is thought to have another scale, or to be deployed anew.
    public var application: ApplicationName?
    public var scale: DeploymentSpec.Scale?
    /// The values of its secrets are those that the application has.
    public var spec: DeploymentSpec?
    /// The secrets that would be given a value by the deployment; nil from an earlier edition.
    public var secrets: Set<String>?
    /// Only whether the deployment would be refused is asked, as before its bundle is sent; nothing is said of what
    /// would move. nil: no.
    public var isCheck: Bool?

    public init() {}
}

/// What would move: the answer to `POST /v1/plan`.
public struct PlanReport: Codable, Sendable, Hashable {
    public struct Move: Codable, Sendable, Hashable {
        public enum Kind: String, Codable, Sendable { case start, stop, replace }

        public var kind: Kind
        public var application: ApplicationName
        public var host: HostName
        public var index: Int
        /// For people.
        public var reason: String
    }

    public var version = ControlAPI.version
    /// The host that was asked.
    public var host: HostName
    /// By application, host and index.
    public var moves: [Move]
    /// Applications that get fewer workers than asked for, and why.
    public var shortfalls: [ApplicationName: String]
    /// Applications of which nothing moves before an operator says so, and what to say; nil from an earlier edition.
    public var holds: [ApplicationName: String]?
}
