import IgropyrHashing
public import IgropyrOrchestration
public import IgropyrUV

/// Where requests may go, at one moment: immutable, built aside and swapped into each loop whole.
public struct UpstreamSnapshot: Sendable {
    private enum Routing: Sendable {
        case everything
        case table(DeployedRoutes, [ApplicationName: Int])
    }

    private let routing: Routing
    /// In the order of their names.
    let applications: [Upstreams]

    /// Sends everything to these workers; those with the same IP address are taken for one host.
    ///
    /// Builds a table: see ``KeyTable`` for what that takes.
    public static func fixed(_ addresses: [SocketAddress]) -> UpstreamSnapshot {
        let workers = addresses.map { Upstreams.Worker(id: $0.description, host: $0.hostText, address: $0) }
        return UpstreamSnapshot(routing: .everything, applications: [Upstreams(name: nil, workers)])
    }

    /// What a cluster offers. Takes over the tables of `previous` where the workers are the same, and what they
    /// have in common. Workers whose address
    /// is no IP address are left out. `weight` says by a worker's id what its part of the keys and of the load is, at least 1.
    public init(
        _ view: ClusterView, reusing previous: UpstreamSnapshot? = nil, weight: (_ id: String) -> UInt16 = { _ in 1 }
    ) {
        let old = Dictionary(
            (previous?.applications ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let applications = view.endpoints.sorted { $0.key < $1.key }.map { name, endpoints in
            let workers = endpoints.compactMap { Upstreams.Worker($0, weight: weight($0.slot.id)) }
            if let old = old[name], old.given == workers { return old }
            return Upstreams(name: name, workers, reusing: old[name])
        }
        var positions: [ApplicationName: Int] = [:]
        for (position, application) in applications.enumerated() {
            if let name = application.name { positions[name] = position }
        }
        self.init(routing: .table(view.routes, positions), applications: applications)
    }

    private init(routing: Routing, applications: [Upstreams]) {
        self.routing = routing
        self.applications = applications
    }

    /// The position of the application that answers; nil if no route matches. Allocates nothing.
    func route(host: Span<UInt8>, path: Span<UInt8>) -> Int? {
        switch routing {
        case .everything: 0
        case .table(let routes, let positions): routes.application(host: host, path: path).flatMap { positions[$0] }
        }
    }
}

/// The workers of one application, and which of them has which keys.
final class Upstreams: Sendable {
    struct Worker: Sendable, Hashable {
        /// Names the ring member.
        var id: String
        var host: String
        var address: SocketAddress
        /// Its part of the keys and of the load, in proportion to the others'; at least 1.
        var weight: UInt16 = 1
    }

    /// Nil where everything goes to fixed workers.
    let name: ApplicationName?
    /// As they came.
    let given: [Worker]
    let table: KeyTable
    /// Parallel to the table's members.
    let members: [Worker]
    /// Likewise.
    let weights: [UInt16]
    let totalWeight: Int

    init(name: ApplicationName?, _ workers: [Worker], reusing previous: Upstreams? = nil) {
        self.name = name
        given = workers
        table = KeyTable(
            workers.map { KeyTable.Member(id: $0.id, host: $0.host, weight: $0.weight) }, reusing: previous?.table)
        let byID = Dictionary(workers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        members = table.members.compactMap { byID[$0.id] }
        weights = members.map(\.weight)
        totalWeight = weights.reduce(0) { $0 + Int($1) }
    }
}

extension Upstreams.Worker {
    fileprivate init?(_ endpoint: IgropyrOrchestration.Endpoint, weight: UInt16) {
        guard let address = SocketAddress(endpoint.address, port: endpoint.port) else { return nil }
        self.init(id: endpoint.slot.id, host: endpoint.slot.host.rawValue, address: address, weight: weight)
    }
}
