public import IgropyrCluster
import IgropyrHTTP
public import IgropyrOrchestration

/// Where requests may go, at one moment: immutable, built aside and swapped into each loop whole.
public final class UpstreamSnapshot: Sendable {
    /// What is to happen with a request.
    enum Destination {
        /// The application's position, and what holds for the request.
        case application(Int, RequestSettings)
        /// Apart from the rest, since a rule is large and seldom asked for.
        indirect case redirect(RouteRule)
        case nowhere
    }

    /// Whether a cluster has yet to say what it has: what no route matches is not lost then, but waits.
    let isPreliminary: Bool
    /// In the order of their names.
    let applications: [Upstreams]
    private let router: RequestRouter
    /// Parallel to the router's rules; nil for redirects.
    private let targets: [(position: Int, settings: RequestSettings)?]
    private let positions: [ApplicationName: Int]
    /// Of the default application, which is asked for most where there are no routes.
    private let fallback: (name: ApplicationName, position: Int)?

    /// What a cluster offers, and what the rules say. Takes over the tables of `previous` where the workers are the
    /// same, and what they have in common; see ``KeyTable`` for what others take. Workers whose address is no IP
    /// address are left out, and encrypted ones without `keys`, which are the cluster's, the one in use first. `step`
    /// says by a worker's id how much of its share it gets, from 1 to ``SlowStart/steps``; nil for all of it.
    /// `defaults` are those of ``BalancerSettings/application``.
    public init(
        _ view: ClusterView?, rules: TrafficRules = TrafficRules(),
        defaults: ApplicationSettings = ApplicationSettings(), awaitsCluster: Bool = false, keys: [ClusterKey] = [],
        reusing previous: UpstreamSnapshot? = nil,
        step: (_ application: ApplicationName, _ id: String) -> UInt16? = { _, _ in nil }
    ) {
        let old = Dictionary(
            (previous?.applications ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let endpoints = view?.endpoints ?? [:]
        let names = Set(endpoints.keys).union(rules.applications).sorted()
        let applications = names.map { name in
            var workers = (rules.fixedWorkers[name] ?? []).map {
                Upstreams.Worker(fixed: $0.address, weight: $0.weight)
            }
            if rules.fixedWorkers[name] == nil { workers = (endpoints[name] ?? []).compactMap(Upstreams.Worker.init) }
            for index in workers.indices { workers[index].weight *= step(name, workers[index].id) ?? SlowStart.steps }
            let settings = rules.settings[name] ?? view?.hashKeys[name].map(defaults.with) ?? defaults
            let encryption =
                workers.contains(where: \.isEncrypted)
                ? WorkerEncryption.make(
                    for: name, settings.connections, keys: keys, reusing: old[name]?.encryption) : nil
            if encryption == nil { workers.removeAll(where: \.isEncrypted) }
            if let old = old[name], old.given == workers, old.settings.values == settings,
                old.encryption === encryption
            {
                return old
            }
            return Upstreams(name: name, workers, settings, encryption, reusing: old[name])
        }
        let positions = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
        self.applications = applications
        self.positions = positions
        fallback = rules.defaultApplication.flatMap { name in positions[name].map { (name, $0) } }
        targets = rules.routes.map { Self.target(of: $0, applications, positions) }
        router = RequestRouter(rules: rules.routes, deployed: view?.routes, default: rules.defaultApplication)
        isPreliminary = awaitsCluster && view == nil
    }

    /// Whether no application has any.
    var lacksWorkers: Bool { applications.allSatisfy(\.members.isEmpty) }

    private static func target(
        of rule: RouteRule, _ applications: [Upstreams], _ positions: [ApplicationName: Int]
    ) -> (position: Int, settings: RequestSettings)? {
        guard case .application(let name) = rule.action, let position = positions[name] else { return nil }
        let own = applications[position].settings
        guard rule.overrides != RouteOverrides() else { return (position, own) }
        return (position, RequestSettings(rule.overrides.applied(to: own.values)))
    }

    /// Allocates nothing.
    func destination(_ head: MessageHead, _ bytes: RawSpan) -> Destination {
        switch router.destination(head, bytes) {
        case .rule(let index):
            guard let target = targets[index] else { return .redirect(router.rules[index]) }
            return .application(target.position, target.settings)
        case .application(let name):
            if let fallback, fallback.name == name {
                return .application(fallback.position, applications[fallback.position].settings)
            }
            guard let position = positions[name] else { return .nowhere }
            return .application(position, applications[position].settings)
        case .nowhere: return .nowhere
        }
    }
}
