import IgropyrHashing
public import IgropyrOrchestration
public import IgropyrUV

/// Where requests may go, at one moment: immutable, built aside and swapped into each loop whole.
public struct UpstreamSnapshot: Sendable {
    private enum Routing: Sendable {
        case everything(Upstreams)
        case table(RoutingTable)
    }

    private let routing: Routing
    private let applications: [ApplicationName: Upstreams]

    /// Sends everything to these workers; those with the same IP address are taken for one host.
    ///
    /// Builds a ring: see ``HashRing/init(_:depth:)`` for what that takes.
    public static func fixed(_ addresses: [SocketAddress]) -> UpstreamSnapshot {
        let workers = addresses.map { Upstreams.Worker(id: $0.description, host: $0.hostText, address: $0) }
        return UpstreamSnapshot(routing: .everything(Upstreams(name: nil, workers)), applications: [:])
    }

    /// What a cluster offers. Takes over the rings of `previous` where the workers are the same. Workers whose address
    /// is no IP address are left out.
    public init(_ view: ClusterView, reusing previous: UpstreamSnapshot? = nil) {
        var applications: [ApplicationName: Upstreams] = [:]
        for (name, endpoints) in view.endpoints {
            let workers = endpoints.compactMap(Upstreams.Worker.init)
            if let old = previous?.applications[name], old.given == workers {
                applications[name] = old
            } else {
                applications[name] = Upstreams(name: name, workers)
            }
        }
        self.init(routing: .table(view.routes), applications: applications)
    }

    private init(routing: Routing, applications: [ApplicationName: Upstreams]) {
        self.routing = routing
        self.applications = applications
    }

    /// The application that answers; nil if no route matches. Allocates nothing.
    func upstreams(host: Span<UInt8>, path: Span<UInt8>) -> Upstreams? {
        switch routing {
        case .everything(let upstreams): upstreams
        case .table(let routes): routes.application(host: host, path: path).flatMap { applications[$0] }
        }
    }

    /// The same application in this snapshot.
    func upstreams(like old: Upstreams) -> Upstreams? {
        switch routing {
        case .everything(let upstreams): upstreams
        case .table: old.name.flatMap { applications[$0] }
        }
    }

    /// Every worker, once or more.
    var workers: [Upstreams.Worker] {
        switch routing {
        case .everything(let upstreams): upstreams.given
        case .table: applications.values.flatMap(\.given)
        }
    }
}

/// The workers of one application and their ring.
final class Upstreams: Sendable {
    struct Worker: Sendable, Hashable {
        /// Names the ring member.
        var id: String
        var host: String
        var address: SocketAddress
    }

    /// Nil where everything goes to fixed workers.
    let name: ApplicationName?
    /// As they came.
    let given: [Worker]
    let ring: HashRing
    /// Parallel to the ring's members.
    let members: [Worker]

    init(name: ApplicationName?, _ workers: [Worker]) {
        self.name = name
        given = workers
        ring = HashRing(workers.map { HashRing.Member(id: $0.id, host: $0.host) })
        let byID = Dictionary(workers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        members = ring.members.compactMap { byID[$0.id] }
    }
}

extension Upstreams.Worker {
    fileprivate init?(_ endpoint: IgropyrOrchestration.Endpoint) {
        guard let address = SocketAddress(endpoint.address, port: endpoint.port) else { return nil }
        self.init(id: endpoint.slot.id, host: endpoint.slot.host.rawValue, address: address)
    }
}
