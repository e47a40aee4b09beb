import IgropyrBalancer
import IgropyrConfiguration
import IgropyrUV

extension BalancerConfiguration {
    /// Reads the file that an option names.
    /// - Throws: What keeps it from being read, or all that is wrong in it.
    static func reading(_ path: String, option: String = "--config") throws -> BalancerConfiguration {
        let bytes = try ConfigurationFile.bytes(of: path, called: "\(option) \(path)")
        do throws(ConfigurationError) {
            return try BalancerConfiguration(bytes, file: path)
        } catch {
            throw CommandFailure(error.description)
        }
    }

    /// Looks for what would keep a balancer from its start by this file, as far as the machine's files and its resolver
    /// tell; warns on standard error of what can be used all the same.
    func check(calledBy path: String, on loop: EventLoop) async throws {
        do {
            let file = self
            try await loop.offload { try file.checkFiles { StandardError.write("warning: \($0)\n") } }
            _ = try await resolvedListeners()
            _ = try await rules(on: loop)
        } catch { throw CommandFailure("\(path): \(error)") }
    }

    /// What was understood, for people.
    var summary: String {
        var lines = listeners.map { "listen       \($0.summary)" }
        for (name, application) in applications.sorted(by: { $0.key < $1.key }) {
            lines.append("application  \(name): \(application.summary)")
            if unreachableApplications.contains(name) {
                lines.append("             NO REQUEST GETS THERE: no route leads to it, and it is not the default")
            }
        }
        for route in routes { lines.append("route        \(route.summary)") }
        if let defaultApplication { lines.append("default      \(defaultApplication)") }
        if !clusterApplications.isEmpty {
            let names = clusterApplications.sorted().map(\.description).joined(separator: ", ")
            lines.append("cluster      must have \(names)")
        }
        let trusted = forwarded.trusted.map(\.description).joined(separator: ", ")
        lines.append("forwarded    \(forwarded.mode.rawValue); trusts \(trusted.isEmpty ? "nobody" : trusted)")
        if let accessLog {
            let place =
                switch accessLog.destination {
                case .file(let path): path
                case .standardOutput: "the standard output"
                }
            lines.append("access log   \(accessLog.format.rawValue), to \(place)")
        }
        return lines.joined(separator: "\n")
    }
}

extension ListenerSettings {
    fileprivate var summary: String {
        var parts = ["\(address)"]
        if let tls {
            let names = tls.certificates.map { certificate in
                switch certificate {
                case .files(let chain, _): chain
                case .held(let name, _): name
                }
            }
            let list = tls.awaitsCertificates ? "the cluster's certificates" : names.joined(separator: ", ")
            parts.append("TLS with \(list)")
        }
        if let tls, tls.clientCertificates != .none { parts.append("clients need a certificate") }
        if let redirectsToHTTPSPort { parts.append("redirects to HTTPS on port \(redirectsToHTTPSPort)") }
        parts.append(allowsHTTP2 ? "HTTP/2 and HTTP/1.1" : "HTTP/1.1")
        if !proxyProtocolPeers.isEmpty {
            parts.append("PROXY protocol from \(proxyProtocolPeers.map(\.description).joined(separator: ", "))")
        }
        return parts.joined(separator: "; ")
    }
}

extension BalancerConfiguration.Application {
    fileprivate var summary: String {
        var parts: [String] = []
        if let upstreams {
            let list = upstreams.map { $0.weight == 1 ? "\($0.address)" : "\($0.address) (weight \($0.weight))" }
            parts.append(list.joined(separator: ", "))
        } else {
            parts.append("workers of the cluster")
        }
        switch settings.policy {
        case .consistentHash:
            let bound = settings.loadBound.map { "bound \($0)" } ?? "no bound"
            parts.append("\(settings.keyTable.rawValue) by \(settings.hashKey), \(bound)")
        case .leastRequest: parts.append("least-request")
        case .randomTwo: parts.append("random-two")
        }
        if let tls = connection.tls { parts.append(tls.summary) }
        if connection.isHTTP2 { parts.append("HTTP/2") }
        switch connection.proxyProtocol {
        case .v1: parts.append("PROXY protocol v1")
        case .v2: parts.append("PROXY protocol v2")
        case nil: break
        }
        parts.append("retries \(settings.retries)")
        parts.append(
            "connect \(Quantity.text(settings.connectTimeout)), response \(Quantity.text(settings.responseTimeout))")
        if let health = settings.healthCheck {
            parts.append("checked each \(Quantity.text(health.interval))\(health.path.map { " by \($0)" } ?? "")")
        }
        return parts.joined(separator: "; ")
    }
}

extension UpstreamConnection.TLS {
    fileprivate var summary: String {
        guard isVerified else { return "TLS, certificates not verified" }
        return "TLS, verified by \(authorityFile ?? "the machine's authorities")\(serverName.map { " as \($0)" } ?? "")"
    }
}

extension RouteRule {
    fileprivate var summary: String {
        switch action {
        case .application(let name): "\(match) → \(name)\(overrides == RouteOverrides() ? "" : ", with overrides")"
        case .redirect(let target, let status): "\(match) → \(status) \(target)"
        }
    }
}
