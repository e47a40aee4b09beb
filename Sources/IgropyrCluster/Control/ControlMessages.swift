internal import FoundationEssentials
internal import IgropyrOrchestration

/// The control API: HTTP/1.1 and JSON, under TLS with the cluster's key where it has one.
public enum ControlAPI {
    /// Of the paths (`/v1/…`) and of all messages.
    public static let version = 1
    /// The gossip port and one.
    public static let defaultPort: UInt16 = 7947
    /// Carries ``version`` in each request and each answer. What asks without it, such as curl, is answered, too.
    static let versionField = "Igropyr-Control"
    /// Names the user event that tells of a changed state; its payload is the name of the host that has it.
    static let announcement = reservedPrefix + "state"
    /// Of the names of our own user events.
    static let reservedPrefix = "igropyr:"
    /// Of a request's or an answer's JSON.
    static let messageBytes = 16 << 20
}

/// Half of an exchange of states: what the sender has, and what it knows that the other lacks.
public struct StateExchange: Codable, Sendable {
    var version = ControlAPI.version
    var sender: HostName
    var digest: StateDigest
    var delta: StateDelta
    /// By the sender's wall clock; nil from an earlier edition.
    var time: UnixTime?
    /// Of a question: what is wanted is what its receiver has decided or says about itself, and nothing else will be
    /// sent to it, so that its answer has no digest. Of an answer: that it is to such a question. nil: neither, and
    /// from an earlier edition, which answers as to any other.
    var isFetch: Bool?
}

/// What deploys an application, or changes one.
struct DeployRequest: Codable, Sendable {
    var version = ControlAPI.version
    var name: ApplicationName
    var spec: DeploymentSpec
    /// Values for secrets that the spec names; for the others, those that the application has.
    var secrets: [String: Data]?
}

/// A new value for a secret of an application.
struct SecretRequest: Codable, Sendable {
    var version = ControlAPI.version
    var application: ApplicationName
    var name: String
    var value: Data
}

/// What a node lacks of a bundle that it is offered: a ``ChunkSet``. Nothing: it has it.
struct OfferAnswer: Codable, Sendable {
    var version = ControlAPI.version
    var missing: Data
}

/// Which chunks of a bundle a node can send: a ``ChunkSet``.
struct ChunkHoldings: Codable, Sendable {
    var version = ControlAPI.version
    var held: Data
}

/// A request that was refused: one line with the cause and what to do.
struct ErrorAnswer: Codable, Sendable {
    var error: String
}
