public import IgropyrOrchestration
public import IgropyrUV

/// What an operator says about requests: where they go, and how applications are treated. It may change while a
/// balancer runs.
public struct TrafficRules: Sendable {
    /// A worker outside any cluster.
    public struct FixedWorker: Sendable, Hashable {
        public var address: SocketAddress
        /// Its part of keys and load, in proportion to the others'; at least 1.
        public var weight: UInt16

        public init(_ address: SocketAddress, weight: UInt16 = 1) {
            self.address = address
            self.weight = weight
        }
    }

    /// They go before the routes of the cluster's deployments.
    public var routes: [RouteRule] = []
    /// Answers what no route matches; nil for 404.
    public var defaultApplication: ApplicationName?
    /// Of applications that have some of their own; for the others, those of ``BalancerSettings/application``.
    public var settings: [ApplicationName: ApplicationSettings] = [:]
    /// Applications that no cluster has. Workers with the same IP address are taken for one host.
    public var fixedWorkers: [ApplicationName: [FixedWorker]] = [:]

    public init() {}

    /// Everything goes to these workers, as those of an application called `upstream`.
    public static func fixed(_ workers: [FixedWorker]) -> TrafficRules {
        var rules = TrafficRules()
        rules.fixedWorkers[.upstream] = workers
        rules.defaultApplication = .upstream
        return rules
    }

    /// All applications that are spoken of: one that nobody has workers for is not there yet, rather than not at all.
    var applications: Set<ApplicationName> {
        var names = Set(fixedWorkers.keys).union(settings.keys)
        for case .application(let name) in routes.map(\.action) { names.insert(name) }
        if let defaultApplication { names.insert(defaultApplication) }
        return names
    }
}

extension ApplicationName {
    fileprivate static let upstream = ApplicationName(rawValue: "upstream")!
}

/// The settings that hold for a request, shared by all requests of a route or an application.
final class RequestSettings: Sendable {
    let values: ApplicationSettings
    /// Nil if there are none.
    let requestEdits: FieldEdits?
    let responseEdits: FieldEdits?

    init(_ values: ApplicationSettings) {
        self.values = values
        requestEdits = values.requestFields.isEmpty ? nil : values.requestFields
        responseEdits = values.responseFields.isEmpty ? nil : values.responseFields
    }
}
