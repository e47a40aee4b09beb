internal import IgropyrGossip
internal import Metrics

/// What swift-metrics is told of a member. The names of members are no labels: the metrics of a large cluster stay few.
final class MembershipMetrics {
    /// Counters of the core under the names that Prometheus expects of them.
    private static let counted: [(label: String, value: any KeyPath<Counters, Int> & Sendable)] = [
        ("gossip_datagrams_received_total", \.datagramsReceived),
        ("gossip_datagrams_sent_total", \.datagramsSent),
        ("gossip_probes_succeeded_total", \.probesSucceeded),
        ("gossip_probes_failed_total", \.probesFailed),
        ("gossip_refutations_total", \.refutations),
        ("gossip_links_lost_total", \.linksLost),
        ("gossip_messages_malformed_total", \.malformed),
        ("gossip_messages_undecryptable_total", \.undecryptable),
        ("gossip_messages_refused_total", \.refusedMessages),
        ("gossip_members_unusable_total", \.unusableMembers),
        ("gossip_members_refused_total", \.refusedMembers),
        ("gossip_name_conflicts_total", \.nameConflicts),
        ("gossip_merges_incompatible_total", \.incompatibleMerges),
        ("gossip_times_implausible_total", \.implausibleTimes),
        ("gossip_deaths_doubted_total", \.deathsDoubted),
        ("gossip_relays_refused_total", \.refusedRelays),
        ("gossip_table_overflows_total", \.tableOverflows),
    ]
    private static let statuses: [Member.Status] = [.alive, .leaving, .left, .failed]

    private let counters: [Counter]
    private let members: [Gauge]
    private let healthScore: Gauge
    private let links: Gauge
    private let queuedBroadcasts: Gauge
    private var last = Counters()

    /// Nil for a factory that keeps nothing.
    init?(configured: (any MetricsFactory)?, member: String) {
        let factory = configured ?? MetricsSystem.factory
        guard !(factory is NOOPMetricsHandler) else { return nil }
        let labels = [("member", member)]
        counters = Self.counted.map { Counter(label: $0.label, dimensions: labels, factory: factory) }
        members = Self.statuses.map {
            Gauge(label: "gossip_members", dimensions: labels + [("status", "\($0)")], factory: factory)
        }
        healthScore = Gauge(label: "gossip_health_score", dimensions: labels, factory: factory)
        links = Gauge(label: "gossip_links", dimensions: labels, factory: factory)
        queuedBroadcasts = Gauge(label: "gossip_broadcasts_queued", dimensions: labels, factory: factory)
    }

    /// Tells what has changed since the last call.
    func update(from core: Gossip, links count: Int) {
        for (counter, counted) in zip(counters, Self.counted) {
            let difference = core.counters[keyPath: counted.value] - last[keyPath: counted.value]
            if difference > 0 { counter.increment(by: difference) }
        }
        last = core.counters
        let statusCounts = core.statusCounts
        for (gauge, status) in zip(members, Self.statuses) { gauge.record(statusCounts[status] ?? 0) }
        healthScore.record(core.healthScore)
        links.record(count)
        queuedBroadcasts.record(core.queuedBroadcasts)
    }
}
