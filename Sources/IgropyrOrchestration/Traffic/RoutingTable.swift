/// Which application answers a request. Immutable; made anew when deployments change.
public struct RoutingTable: Hashable, Sendable {
    private struct Rule: Hashable, Sendable {
        /// "/" as empty: every path is below it.
        var prefix: [UInt8]
        var application: ApplicationName
    }

    private struct HostRules: Hashable, Sendable {
        var host: [UInt8]
        /// Longest prefix first.
        var rules: [Rule]
    }

    /// In the order of their names' bytes, for a search by halves.
    private var hosts: [HostRules] = []
    private var anyHost: [Rule] = []
    /// Applications that get no requests, since an earlier one by name has the same route. Deploying refuses that;
    /// it comes from two deployments at the same time, or on both sides of a partition.
    public private(set) var shadowed: [ApplicationName: ApplicationName] = [:]

    public init(_ deployments: [ApplicationName: DeploymentSpec]) {
        var owners: [Route: ApplicationName] = [:]
        var rules: [String?: [Rule]] = [:]
        for name in deployments.keys.sorted() {
            guard let route = deployments[name]?.route else { continue }
            if let owner = owners[route] {
                shadowed[name] = owner
                continue
            }
            owners[route] = name
            let prefix = route.pathPrefix == "/" ? [] : Array(route.pathPrefix.utf8)
            rules[route.host, default: []].append(Rule(prefix: prefix, application: name))
        }
        for (host, rules) in rules {
            let sorted = rules.sorted { $0.prefix.count > $1.prefix.count }
            if let host { hosts.append(HostRules(host: Array(host.utf8), rules: sorted)) } else { anyHost = sorted }
        }
        hosts.sort { $0.host.lexicographicallyPrecedes($1.host) }
    }

    /// Routes to a host name go before those to any, then the longest prefix wins. Allocates nothing.
    ///
    /// - Parameters:
    ///   - host: The request's, of any case, with or without a port; empty if there is none.
    ///   - path: The request target's path; a query may follow. Compared byte by byte, nothing is decoded.
    /// - Returns: nil if no route matches: answer 404.
    public func application(host: Span<UInt8>, path: Span<UInt8>) -> ApplicationName? {
        let hostLength = Self.lengthWithoutPort(host)
        let pathLength = Self.lengthWithoutQuery(path)
        if hostLength > 0, let index = position(of: host, length: hostLength),
            let match = Self.match(hosts[index].rules, path: path, length: pathLength)
        {
            return match
        }
        return Self.match(anyHost, path: path, length: pathLength)
    }

    public func application(host: String?, path: String) -> ApplicationName? {
        let host = host ?? ""
        return application(host: host.utf8Span.span, path: path.utf8Span.span)
    }

    /// Who has that very route, other than `name` itself.
    static func owner(
        of route: Route, in deployments: [ApplicationName: DeploymentSpec], except name: ApplicationName
    ) -> ApplicationName? {
        deployments.keys.filter { $0 != name && deployments[$0]?.route == route }.min()
    }

    private func position(of host: Span<UInt8>, length: Int) -> Int? {
        var range = hosts.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let order = Self.compare(host, length: length, to: hosts[middle].host)
            if order == 0 { return middle }
            range = order < 0 ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return nil
    }

    /// Below, at or above zero, as in C; the request's host in lower case.
    private static func compare(_ host: Span<UInt8>, length: Int, to name: [UInt8]) -> Int {
        for index in 0..<min(length, name.count) {
            let difference = Int(host[index].lowercased) - Int(name[index])
            if difference != 0 { return difference }
        }
        return length - name.count
    }

    private static func match(_ rules: [Rule], path: Span<UInt8>, length: Int) -> ApplicationName? {
        for rule in rules where isBelow(rule.prefix, path, length: length) { return rule.application }
        return nil
    }

    private static func isBelow(_ prefix: [UInt8], _ path: Span<UInt8>, length: Int) -> Bool {
        guard length >= prefix.count, length == prefix.count || path[prefix.count] == .slash else {
            return prefix.isEmpty
        }
        for index in prefix.indices where path[index] != prefix[index] { return false }
        return true
    }

    private static func lengthWithoutPort(_ host: Span<UInt8>) -> Int {
        for index in stride(from: host.count - 1, through: 0, by: -1) {
            if host[index] == UInt8(ascii: ":") { return index }
            guard host[index].isDigit else { return host.count }
        }
        return host.count
    }

    private static func lengthWithoutQuery(_ path: Span<UInt8>) -> Int {
        for index in 0..<path.count where path[index] == UInt8(ascii: "?") { return index }
        return path.count
    }
}
