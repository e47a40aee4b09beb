public import IgropyrOrchestration

/// What a node knows of the whole cluster, for people and programs: the answer to `GET /v1/status`.
public struct StatusReport: Codable, Sendable, Hashable {
    public struct Host: Codable, Sendable, Hashable {
        public enum Role: String, CaseIterable, Codable, Sendable {
            case node, balancer
            /// A Serf agent, which gossips only.
            case serf
        }

        public enum Status: String, CaseIterable, Codable, Sendable {
            case alive, leaving, left, failed

            /// For people, after the host's name.
            public var predicate: String {
                switch self {
                case .alive: "is alive"
                case .leaving: "is leaving"
                case .left: "has left"
                case .failed: "has failed"
                }
            }
        }

        public var name: String
        /// Where it gossips.
        public var address: String
        public var status: Status
        public var role: Role
        /// Of nodes; nil as long as they have not told, likewise the rest.
        public var controlAddress: String?
        public var cores: Int?
        public var bundles: Int?
        public var tags: [String: String]?
        public var isDraining: Bool?
    }

    public struct Application: Codable, Sendable, Hashable {
        public var name: ApplicationName
        public var revision: BundleDigest
        /// Of what its workers are started with, as in a ``WorkerRecord``: two deployments of one revision may differ
        /// in that. nil from an earlier edition.
        public var fingerprint: String?
        /// `site` or `executable`.
        public var kind: String
        /// Whether balancers speak with its workers under the cluster's key; nil from an earlier edition.
        public var isEncrypted: Bool?
        public var route: String
        /// For people: `2 per host`, `5 in total`.
        public var scale: String
        /// Workers that should run on the hosts that are alive, and those that are ready there.
        public var wanted: Int
        public var ready: Int
        /// Why fewer run than asked for, or why it gets no requests; nil if neither.
        public var problem: String?
        /// nil from an earlier edition.
        public var rollout: Rollout?
    }

    /// How far the change to the present revision is.
    public struct Rollout: Codable, Sendable, Hashable {
        public var cause: RolloutProgress.Cause
        public var isComplete: Bool
        public var isPaused: Bool
        /// All canaries are good; `igropyr promote` lets the others follow.
        public var awaitsPromotion: Bool
        /// Whether a failure brings an earlier revision back.
        public var rollsBack: Bool
        /// Slots whose new worker was found good, of those that are wanted.
        public var done: Int
        public var wanted: Int
        /// Why it was rolled back, or which new worker has failed; nil if neither.
        public var reason: String?

        /// For people: why nothing moves before an operator says so, and what to say; nil if nobody is waited for.
        public func hold(of name: ApplicationName) -> String? {
            if isPaused { return "its rollout is paused: igropyr resume \(name) goes on" }
            return awaitsPromotion ? "its canaries are good and wait: igropyr promote \(name)" : nil
        }
    }

    public struct Worker: Codable, Sendable, Hashable {
        public var application: ApplicationName
        public var host: HostName
        public var index: Int
        public var revision: BundleDigest
        /// Address and port.
        public var address: String
        public var state: WorkerRecord.State
        /// nil while there is no process.
        public var pid: Int32?
        public var restarts: Int
        /// Why it is in its state; may be empty.
        public var message: String
        /// Its part of the application's requests, from 0 to 1, as balancers see it.
        public var share: Double
        /// Whether it was started with what is deployed now; nil from an earlier edition.
        public var isCurrent: Bool?
        /// Whether it is none, as the bundle has no program for the host's machine; nil: no.
        public var isMisfit: Bool?
    }

    /// What the host that was asked was sent and did not take, since its start.
    public struct Refusals: Codable, Sendable, Hashable {
        /// Messages of the gossip that were broken, of another key, or too large.
        public var gossipMessages = 0
        /// Connections to the control API that were closed for what came by them: another key, no HTTP.
        public var controlConnections: UInt64 = 0
    }

    /// Of the format.
    public var version = ControlAPI.version
    /// The host that was asked.
    public var host: HostName
    /// By name.
    public var hosts: [Host]
    public var applications: [Application]
    /// By application, host and index.
    public var workers: [Worker]
    /// What is wrong on hosts that are alive, such as a full disk: a line each that begins with the host's name.
    public var problems: [String]
    public var refusals: Refusals
}
