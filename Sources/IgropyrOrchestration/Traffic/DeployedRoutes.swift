/// Which deployed application answers a request.
public struct DeployedRoutes: Hashable, Sendable {
    private let table: RoutingTable
    /// In the table's order.
    private let applications: [ApplicationName]
    /// Applications that lack a route of theirs, since an earlier one by name has the same. Deploying refuses that;
    /// it comes from two deployments at the same time, or on both sides of a partition.
    public let shadowed: [ApplicationName: ApplicationName]

    public init(_ deployments: [ApplicationName: DeploymentSpec]) {
        var owners: [Route: ApplicationName] = [:]
        var shadowed: [ApplicationName: ApplicationName] = [:]
        var routes: [(route: Route, application: ApplicationName)] = []
        for name in deployments.keys.sorted() {
            for route in deployments[name]?.routes ?? [] {
                if let owner = owners[route] {
                    shadowed[name] = owner
                } else {
                    owners[route] = name
                    routes.append((route, name))
                }
            }
        }
        table = RoutingTable(routes.map { RouteMatch($0.route) })
        applications = routes.map(\.application)
        self.shadowed = shadowed
    }

    /// Routes to a host name go before those to any, then the longest prefix wins; see
    /// ``RoutingTable/position(host:path:where:)``. Allocates nothing.
    ///
    /// - Returns: nil if no route matches.
    public func application(host: Span<UInt8>, path: Span<UInt8>) -> ApplicationName? {
        table.position(host: host, path: path) { _ in true }.map { applications[$0] }
    }

    public func application(host: String?, path: String) -> ApplicationName? {
        let host = host ?? ""
        return application(host: host.utf8Span.span, path: path.utf8Span.span)
    }

    /// Who has that very route, other than `name` itself.
    static func owner(
        of route: Route, in deployments: [ApplicationName: DeploymentSpec], except name: ApplicationName
    ) -> ApplicationName? {
        deployments.keys.filter { $0 != name && deployments[$0]?.routes.contains(route) ?? false }.min()
    }
}
