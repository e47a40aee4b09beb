import IgropyrOrchestration
import IgropyrTime
public import IgropyrUV
public import IgropyrCluster

/// Makes a balancer's snapshots of what the cluster offers and what the operator says, off the loops that serve, and
/// gives newcomers their share step by step.
public actor UpstreamDirectory: LoopBound {
    public nonisolated let loop: EventLoop
    private let balancer: Balancer
    /// For applications without settings of their own.
    private let defaults: ApplicationSettings
    private let awaitsCluster: Bool
    private var rules: TrafficRules
    private var view: ClusterView?
    /// The cluster's, the one in use first.
    private var keys: [ClusterKey]
    private var slowStarts: [ApplicationName: SlowStart] = [:]
    private var timer: Timer?

    /// Makes no snapshot yet. `defaults` are for applications without settings of their own.
    public init(
        of balancer: Balancer, _ rules: TrafficRules, defaults: ApplicationSettings, awaitsCluster: Bool = false,
        keys: [ClusterKey] = [], on loop: EventLoop
    ) throws(UVError) {
        self.awaitsCluster = awaitsCluster
        self.keys = keys
        self.balancer = balancer
        self.rules = rules
        self.defaults = defaults
        self.loop = loop
        timer = try Timer(on: loop)
    }

    /// Before it has heard of any application, a balancer knows nothing rather than that there is none: requests wait.
    func update(_ view: ClusterView) {
        guard view != self.view, self.view != nil || !view.endpoints.isEmpty else { return }
        self.view = view
        publish()
    }

    func use(_ keys: [ClusterKey]) {
        guard keys != self.keys else { return }
        self.keys = keys
        if balancer.snapshot != nil { publish() }
    }

    public func update(_ rules: TrafficRules) {
        self.rules = rules
        publish()
    }

    /// Makes a snapshot, and another at each step of a newcomer's.
    public func publish() {
        guard let timer else { return }
        let now = loop.now
        noteWorkers(at: now)
        let steps = slowStarts
        balancer.update(
            UpstreamSnapshot(
                view, rules: rules, defaults: defaults, awaitsCluster: awaitsCluster, keys: keys,
                reusing: balancer.snapshot
            ) { name, id in
                steps[name]?.step(of: id, at: now)
            })
        guard let deadline = steps.values.compactMap({ $0.deadline(after: now) }).min() else { return timer.cancel() }
        try? timer.start(after: now.duration(to: deadline)) { self.publish() }  // Fails only once closed.
    }

    private func noteWorkers(at now: Timestamp) {
        var ids = rules.fixedWorkers.mapValues { Set($0.map(\.address.description)) }
        for (name, endpoints) in view?.endpoints ?? [:] where ids[name] == nil {
            ids[name] = Set(endpoints.map(\.slot.id))
        }
        slowStarts = slowStarts.filter { ids[$0.key] != nil }
        for (name, ids) in ids {
            let duration = (rules.settings[name] ?? defaults).slowStart
            if slowStarts[name]?.duration != duration { slowStarts[name] = SlowStart(duration: duration) }
            slowStarts[name]?.note(ids, at: now)
        }
    }

    /// Idempotent.
    public func close() {
        timer?.close()
        timer = nil
    }
}
