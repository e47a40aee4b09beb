/// Why a change is not taken into the replicated state. One refused entry does not stop the others of a delta.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable {
        /// The state, or a list in the entry, has no room left.
        case tooMany
        /// A text is longer than its limit.
        case tooLarge
        /// A value is outside of what it may be.
        case malformed
        /// From a clock more than 24 hours ahead of ours.
        case tooFarAhead
        /// A format of a later edition: this host must be upgraded.
        case unsupportedVersion
    }

    public var code: Code
    /// Such as `deployment shop` or `host a`.
    public var subject: String
    /// What is wrong, with the limit.
    public var reason: String

    public var description: String { "\(subject): \(reason)" }
}

/// Why an operator's change is not made.
public enum DeploymentError: Error, Hashable, Sendable, CustomStringConvertible {
    case routeTaken(Route, by: ApplicationName)
    case unknownApplication(ApplicationName, deployed: [ApplicationName])
    case unknownHost(HostName, nodes: [HostName])
    /// The change makes no sense as things are.
    case notNow(String)
    case refused(Refusal)

    public var description: String {
        switch self {
        case .routeTaken(let route, let owner):
            "the route \(route) is taken by application \(owner): choose another --path or --host, or remove \(owner) first"
        case .unknownApplication(let name, let deployed):
            "no application named \(name) is deployed; "
                + (deployed.isEmpty ? "nothing is" : "deployed are: \(Self.list(deployed.map(\.rawValue)))")
        case .unknownHost(let name, let nodes):
            "there is no node called \(name); the nodes are: \(Self.list(nodes.map(\.rawValue)))"
        case .notNow(let reason): reason
        case .refused(let refusal): refusal.description
        }
    }

    private static func list(_ names: [String]) -> String {
        let limit = 20
        let more = names.count > limit ? " and \(names.count - limit) more" : ""
        return names.sorted().prefix(limit).joined(separator: ", ") + more
    }
}
