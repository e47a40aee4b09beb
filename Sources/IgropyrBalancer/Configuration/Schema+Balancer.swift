import IgropyrConfiguration
import IgropyrInsight
import IgropyrOrchestration
public import IgropyrTransport
import IgropyrUV

extension Schema where Value == BalancerConfiguration {
    static var balancer: Schema<BalancerConfiguration> {
        .section { section in
            var configuration = BalancerConfiguration()
            let listeners = section.value(
                "listen", .oneOrMore(of: Schema<ListenerSettings>.listener.located, limit: 64))
            if let listeners { configuration.listeners = listeners.map(\.value) }
            refuseRepetitions(listeners ?? [], in: section)
            section.read("loops", .integer(in: 1...256), into: &configuration.loops)
            let applications = section.value("applications", .mapping(keys: .application, values: .settings)) ?? []
            for (name, application) in applications { configuration.applications[name] = application }
            let routes = section.value("routes", .list(of: Schema<RouteRule>.route.located)) ?? []
            configuration.routes = routes.map(\.value)
            refuseRepetitions(routes, in: section)
            refuseIdleKeys(routes, configuration.applications, in: section)
            section.read("default", .application, into: &configuration.defaultApplication)
            section.read("forwarded", .forwarded, into: &configuration.forwarded)
            section.read("limits", .clients, into: &configuration.limits)
            section.read("retry-budget", .retryBudget, into: &configuration.retryBudget)
            section.read("hold-time", .duration(in: .zero ... .seconds(300)), into: &configuration.holdTime)
            section.read("repeatable-body", .bytes(in: 0...(64 << 20)), into: &configuration.repeatableBodyBytes)
            section.read("drain-timeout", .duration(in: .zero ... .seconds(86_400)), into: &configuration.drainTimeout)
            section.read("access-log", .off(or: .accessLog), into: &configuration.accessLog)
            return configuration
        }
    }

    private static func refuseRepetitions(_ listeners: [Located<ListenerSettings>], in section: Section) {
        var first: [NetworkAddress: Position] = [:]
        for listener in listeners {
            if let earlier = first[listener.value.address] {
                section.refuse(listener, "\(listener.value.address) is there twice, first in line \(earlier.line)")
            } else {
                first[listener.value.address] = listener.position
            }
        }
    }

    /// A rule that an earlier one hides is a mistake.
    private static func refuseRepetitions(_ routes: [Located<RouteRule>], in section: Section) {
        var first: [RouteMatch: Position] = [:]
        for route in routes {
            if let earlier = first[route.value.match] {
                section.refuse(
                    route, "matches the same requests as the route in line \(earlier.line), which goes first")
            } else {
                first[route.value.match] = route.position
            }
        }
    }

    private static func refuseIdleKeys(
        _ routes: [Located<RouteRule>], _ applications: [ApplicationName: BalancerConfiguration.Application],
        in section: Section
    ) {
        for route in routes where route.value.overrides.hashKey != nil {
            guard case .application(let name) = route.value.action, let settings = applications[name]?.settings,
                settings.policy != .consistentHash
            else { continue }
            section.refuse(route, "\"hash\" is of no use: requests to \(name) do not go by it")
        }
    }
}

extension Schema where Value == IPNetwork {
    static var network: Schema<IPNetwork> {
        .text("a network, such as 10.0.0.0/8 with no bit set behind its prefix, or an address") { IPNetwork($0) }
    }
}

extension Schema where Value == [IPNetwork] {
    static var networks: Schema<[IPNetwork]> { .list(of: .network, limit: 256) }
}

extension Schema where Value == ListenerSettings {
    static var listener: Schema<ListenerSettings> {
        .short(
            Schema<NetworkAddress>.address.map { ListenerSettings(address: $0) },
            or: .section { section in
                let address = section.require("address", .address)
                var listener = ListenerSettings(address: address ?? NetworkAddress(host: "", port: 0))
                section.read("tls", .tls, into: &listener.tls)
                section.read("http2", .bool, into: &listener.allowsHTTP2)
                section.read("redirect-to-https", .httpsPort, into: &listener.redirectsToHTTPSPort)
                section.read("proxy-protocol", .networks, into: &listener.proxyProtocolPeers)
                section.refuseTogether("tls", "redirect-to-https")
                return address == nil ? nil : listener
            })
    }
}

extension Schema where Value == UInt16? {
    /// `true` is port 443.
    fileprivate static var httpsPort: Schema<UInt16?> {
        .text("true, false or a port from 1 to 65535") { text in
            switch text {
            case "true": return .some(443)
            case "false": return .some(nil)
            default:
                guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text), port > 0 else {
                    return .none
                }
                return .some(port)
            }
        }
    }
}

extension Schema where Value == TLSConfiguration {
    fileprivate static var tls: Schema<TLSConfiguration> {
        .short(
            .text("cluster, for the cluster's certificates") { $0 == "cluster" ? .cluster : nil },
            or: Schema<CertificateFiles>.certificateFiles.map { files in
                var tls = TLSConfiguration(
                    certificates: files.pairs.map { .init(chainFile: $0.certificate, keyFile: $0.key) })
                if let file = files.clientAuthority { tls.clientCertificates = .required(caFile: file) }
                return tls
            })
    }
}

extension TLSConfiguration {
    /// By the certificates that the cluster has.
    public static var cluster: TLSConfiguration {
        var tls = TLSConfiguration(certificates: [])
        tls.awaitsCertificates = true
        return tls
    }
}

extension Schema where Value == ForwardedPolicy {
    fileprivate static var forwarded: Schema<ForwardedPolicy> {
        .section { section in
            var policy = ForwardedPolicy()
            section.read("for", .word(), into: &policy.mode)
            section.read("trust", .networks, into: &policy.trusted)
            section.read("rfc7239", .bool, into: &policy.writesStandardField)
            if policy.mode == .trust, policy.trusted.isEmpty {
                section.refuse("for", "found trust, expected \"trust\" to name the networks that are trusted")
            }
            return policy
        }
    }
}

extension Schema where Value == ClientLimits {
    fileprivate static var clients: Schema<ClientLimits> {
        .section { section in
            var limits = ClientLimits()
            section.read("connections", .integer(in: 1...1_000_000), into: &limits.connections)
            section.read(
                "connections-per-client", .off(or: .integer(in: 1...1_000_000)), into: &limits.connectionsPerClient)
            section.read(
                "requests-per-second", .off(or: .decimal(in: 0.01...1_000_000)), into: &limits.requestsPerSecond)
            section.read("request-burst", .integer(in: 0...1_000_000), into: &limits.requestBurst)
            section.read("body", .off(or: .bytes(in: 0...(1 << 40))), into: &limits.bodyBytes)
            section.read("head", .bytes(in: 1024...(1 << 20)), into: &limits.headBytes)
            section.read(
                "requests-per-connection", .integer(in: 1...1_000_000_000), into: &limits.requestsPerConnection)
            section.read("head-timeout", .timeout, into: &limits.headTimeout)
            if section.has("request-burst"), !section.has("requests-per-second") {
                section.refuse("request-burst", "is of no use without \"requests-per-second\"")
            }
            section.read("idle-timeout", .timeout, into: &limits.idleTimeout)
            section.read("progress-timeout", .timeout, into: &limits.progressTimeout)
            return limits
        }
    }
}

extension Schema where Value == Duration {
    static var timeout: Schema<Duration> { .duration(in: .milliseconds(1)...(.seconds(86_400))) }
}

extension Schema where Value == RetryBudget.Settings {
    fileprivate static var retryBudget: Schema<RetryBudget.Settings> {
        .section { section in
            var budget = RetryBudget.Settings()
            section.read("share", .decimal(in: 0...10), into: &budget.share)
            section.read("per-second", .decimal(in: 0...1_000_000), into: &budget.perSecond)
            section.read("burst", .decimal(in: 0...1_000_000), into: &budget.burst)
            return budget
        }
    }
}

extension Schema where Value == AccessLog {
    fileprivate static var accessLog: Schema<AccessLog> {
        .short(
            Schema<String>.path.map { AccessLog(to: .file($0)) },
            or: .section { section in
                var log = AccessLog()
                if let file = section.value("file", .path) { log.destination = .file(file) }
                section.read("format", .word(), into: &log.format)
                return log
            })
    }
}
