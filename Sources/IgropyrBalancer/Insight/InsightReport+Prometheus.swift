import IgropyrInsight

extension InsightReport {
    private typealias Counter = KeyPath<BalancerCounters, UInt64> & Sendable

    private static let counterFamilies: [(path: any Counter, name: String, help: String)] = [
        (\.accepted, "connections_accepted", "Connections taken from clients."),
        (
            \.refusedConnections, "connections_refused",
            "Connections of clients with too many, or without the PROXY header that was due."
        ),
        (\.failedHandshakes, "failed_handshakes", "TLS handshakes of clients that did not come through."),
        (\.requests, "requests", "Requests received."),
        (\.retries, "retries", "Requests sent once more to another worker."),
        (
            \.staleConnections, "stale_connections",
            "Requests sent once more because a worker closed a resting connection just then."
        ),
        (\.retriesOverBudget, "retries_over_budget", "Retries that the budget did not allow."),
        (\.held, "held_requests", "Requests that had to wait for a worker."),
        (\.refused, "refused_requests", "Messages of clients that broke the protocol or a limit."),
        (\.notRouted, "not_routed_requests", "Requests that no route matches."),
        (\.redirects, "redirects", "Requests that a route sends elsewhere."),
        (\.overRate, "over_rate_requests", "Requests of clients that make too many, answered 429."),
        (\.badGateways, "bad_gateways", "Requests answered 502 by the balancer."),
        (\.unavailable, "unavailable", "Requests answered 503 by the balancer."),
        (\.gatewayTimeouts, "gateway_timeouts", "Requests answered 504 by the balancer."),
        (\.truncated, "truncated_responses", "Responses that ended too early at the worker."),
        (\.clientAborts, "client_aborts", "Clients that went away before their response was whole."),
    ]

    /// As Prometheus reads it.
    func prometheusText(droppedLogLines: Int) -> String {
        var text = PrometheusText()
        for family in Self.counterFamilies {
            let name = "igropyr_balancer_\(family.name)_total"
            text.beginFamily(name, .counter, help: family.help)
            text.add(name, "", counters[keyPath: family.path])
        }
        text.addCounter("access_log_dropped_lines", "Lines of the access log that were not written.", droppedLogLines)
        text.addGauge("connections", "Open connections of clients.", connections)
        text.addGauge("upstream_connections", "Open connections to workers.", upstreamConnections)
        let applications = applications.sorted { $0.key < $1.key }
        let workers = applications.flatMap { application, report in
            report.workers.sorted { $0.key < $1.key }.map { id, worker in
                let labels = "\(PrometheusText.label("application", application)),\(PrometheusText.label("worker", id))"
                return (labels, worker)
            }
        }
        text.beginFamily("igropyr_balancer_workers", .gauge, help: "Workers that there are.")
        for (name, report) in applications where report.isPresent {
            let count = report.workers.values.count { $0.isPresent }
            text.add("igropyr_balancer_workers", PrometheusText.label("application", name), count)
        }
        text.add(
            applications.map { (PrometheusText.label("application", $0.key), $0.value.measures) },
            prefix: "igropyr_balancer_application_", of: "application")
        text.add(workers.map { ($0.0, $0.1.measures) }, prefix: "igropyr_balancer_worker_", of: "worker")
        text.beginFamily(
            "igropyr_balancer_worker_avoided", .gauge, help: "1 while requests go around a worker that refused lately.")
        for (labels, worker) in workers where worker.isPresent {
            text.add("igropyr_balancer_worker_avoided", labels, worker.isAvoided ? 1 : 0)
        }
        return text.text
    }
}

extension PrometheusText {
    fileprivate mutating func addCounter(_ name: String, _ help: String, _ value: Int) {
        beginFamily("igropyr_balancer_\(name)_total", .counter, help: help)
        add("igropyr_balancer_\(name)_total", "", value)
    }

    fileprivate mutating func addGauge(_ name: String, _ help: String, _ value: Int) {
        beginFamily("igropyr_balancer_\(name)", .gauge, help: help)
        add("igropyr_balancer_\(name)", "", value)
    }

    /// The families that applications and workers have alike.
    fileprivate mutating func add(
        _ series: [(labels: String, measures: RequestMeasures)], prefix: String, of what: String
    ) {
        beginFamily(prefix + "responses_total", .counter, help: "Responses of the \(what), by class of status.")
        for (labels, measures) in series {
            for index in measures.responses.indices {
                add(prefix + "responses_total", "\(labels),status=\"\(index + 1)xx\"", measures.responses[index])
            }
        }
        beginFamily(prefix + "failures_total", .counter, help: "What went wrong at the \(what), by reason.")
        for (labels, measures) in series {
            for failure in ExchangeFailure.allCases where measures.failures[failure.rawValue] > 0 {
                let count = measures.failures[failure.rawValue]
                add(prefix + "failures_total", "\(labels),reason=\"\(failure.term)\"", count)
            }
        }
        beginFamily(prefix + "retries_total", .counter, help: "Requests sent once more after a try at the \(what).")
        for (labels, measures) in series { add(prefix + "retries_total", labels, measures.retries) }
        beginFamily(prefix + "requests_in_flight", .gauge, help: "Requests at the \(what) now.")
        for (labels, measures) in series { add(prefix + "requests_in_flight", labels, measures.inFlight) }
        addHistograms(
            prefix + "first_byte_seconds", "From a request's leaving to the head of its response.", series, \.firstByte)
        addHistograms(
            prefix + "duration_seconds",
            what == "worker"
                ? "From a request's leaving to the end of its response."
                : "From a request's head at the balancer to the end of its response.", series, \.total)
    }

    private mutating func addHistograms(
        _ name: String, _ help: String, _ series: [(labels: String, measures: RequestMeasures)],
        _ path: KeyPath<RequestMeasures, LatencyHistogram>
    ) {
        beginFamily(name, .histogram, help: help)
        for (labels, measures) in series {
            let histogram = measures[keyPath: path]
            addHistogram(
                name, labels, bounds: LatencyHistogram.boundsInSeconds, counts: histogram.allCounts,
                sum: histogram.sumSeconds)
        }
    }
}
