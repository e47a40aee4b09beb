/// Which workers there are for each application, and what they do now; as JSON.
public struct WorkersAnswer: Encodable {
    struct Application: Encodable {
        var name: String
        var inFlight: Int
        /// In the order of their ids.
        var workers: [Worker]
    }

    public struct Worker: Codable, Sendable {
        public let id: String
        public let host: String
        public let address: String
        /// `up`; `avoided` while requests go around it since it refused connections; `unused` if the ring has no place
        /// for it.
        public let state: String
        /// A newcomer's grows by quarters.
        public let weight: Double
        public let inFlight: Int
        /// Its part of the keys, 0…1.
        public let share: Double
    }

    /// In the order of their names.
    var applications: [Application]

    init(_ snapshot: UpstreamSnapshot?, _ report: InsightReport) {
        applications = (snapshot?.applications ?? []).map { Application($0, report.applications[$0.label]) }
            .sorted { $0.name < $1.name }
    }
}

extension WorkersAnswer.Application {
    init(_ upstreams: Upstreams, _ report: ApplicationReport?) {
        name = upstreams.label
        inFlight = report?.measures.inFlight ?? 0
        let shares = upstreams.table.shares()
        let positions = Dictionary(
            zip(upstreams.table.members.map(\.id), shares.indices), uniquingKeysWith: { first, _ in first })
        workers = upstreams.given.map { worker in
            let measured = report?.workers[worker.id]
            let position = positions[worker.id]
            return WorkersAnswer.Worker(
                id: worker.id, host: worker.host, address: worker.address.description,
                state: position == nil ? "unused" : measured?.isAvoided == true ? "avoided" : "up",
                weight: position.map { Double(upstreams.table.members[$0].weight) / Double(SlowStart.steps) } ?? 0,
                inFlight: measured?.measures.inFlight ?? 0,
                share: position.map { shares[$0] } ?? 0)
        }
        .sorted { $0.id < $1.id }
    }
}
