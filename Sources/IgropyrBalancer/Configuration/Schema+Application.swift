import IgropyrConfiguration
import IgropyrHashing
import IgropyrTransport

extension Schema where Value == BalancerConfiguration.Application {
    static var settings: Schema<BalancerConfiguration.Application> {
        .section { section in
            var application = BalancerConfiguration.Application()
            section.read("upstreams", .list(of: .upstream, atLeast: 1, limit: 4096), into: &application.upstreams)
            refuseRepetitions(application.upstreams ?? [], in: section)
            section.read("tls", .upstreamTLS, into: &application.connection.tls)
            section.read("http2", .bool, into: &application.connection.isHTTP2)
            section.read("proxy-protocol", .off(or: .proxyVersion), into: &application.connection.proxyProtocol)
            readChoice(section, into: &application.settings)
            readFailure(section, into: &application.settings)
            section.read("buffer-requests", .bufferedBody, into: &application.settings.bufferedBodyBytes)
            section.read("compress", .compression, into: &application.settings.compression)
            section.read("request-headers", .fieldEdits, into: &application.settings.requestFields)
            section.read("response-headers", .fieldEdits, into: &application.settings.responseFields)
            return application
        }
    }

    private static func readChoice(_ section: Section, into settings: inout ApplicationSettings) {
        if let balance = section.value("balance", .balance) { (settings.policy, settings.keyTable) = balance }
        section.read("hash", .hashKey, into: &settings.hashKey)
        section.read("bound", .off(or: .decimal(in: 1...100)), into: &settings.loadBound)
        if let slowStart = section.value("slow-start", .off(or: .duration(in: .zero ... .seconds(3600)))) {
            settings.slowStart = slowStart ?? .zero
        }
        let limits = section.value("limits", .applicationLimits(settings))
        if let limits { settings = limits }
        if settings.policy != .consistentHash {
            for key in ["hash", "bound"] where section.has(key) {
                section.refuse(key, "is of no use where \"balance\" is not by hash")
            }
        }
    }

    private static func readFailure(_ section: Section, into settings: inout ApplicationSettings) {
        section.read("retries", .integer(in: 0...10), into: &settings.retries)
        section.read("connect-timeout", .timeout, into: &settings.connectTimeout)
        section.read("response-timeout", .timeout, into: &settings.responseTimeout)
        section.read("failures-in-row", .integer(in: 1...1000), into: &settings.failuresInRow)
        section.read("panic-threshold", .decimal(in: 0...1), into: &settings.panicThreshold)
        section.read("health", .off(or: .health), into: &settings.healthCheck)
    }

    private static func refuseRepetitions(_ upstreams: [BalancerConfiguration.FixedUpstream], in section: Section) {
        var known: Set<NetworkAddress> = []
        for upstream in upstreams where !known.insert(upstream.address).inserted {
            section.refuse("upstreams", "\(upstream.address) is there twice")
        }
    }
}

extension Schema where Value == BalancerConfiguration.FixedUpstream {
    fileprivate static var upstream: Schema<BalancerConfiguration.FixedUpstream> {
        .short(
            Schema<NetworkAddress>.address.map { BalancerConfiguration.FixedUpstream(address: $0) },
            or: .section { section in
                let address = section.require("address", .address)
                let weight = section.value("weight", Schema<UInt16>.integer(in: 1...1000)) ?? 1
                return address.map { BalancerConfiguration.FixedUpstream(address: $0, weight: weight) }
            })
    }
}

extension Schema where Value == UpstreamConnection.TLS? {
    /// `true` trusts whom the machine trusts.
    fileprivate static var upstreamTLS: Schema<UpstreamConnection.TLS?> {
        .short(
            Schema<Bool>.bool.map { (isOn: Bool) -> UpstreamConnection.TLS? in isOn ? UpstreamConnection.TLS() : nil },
            or: .section { section in
                var tls = UpstreamConnection.TLS()
                section.read("verify", .bool, into: &tls.isVerified)
                section.read("authority", .path, into: &tls.authorityFile)
                section.read("name", .string(bytes: 1...253), into: &tls.serverName)
                if !tls.isVerified, section.has("authority") {
                    section.refuse("authority", "is of no use with \"verify: false\": then any certificate is taken")
                }
                return .some(tls)
            })
    }
}

extension Schema where Value == ProxyHeader.Version {
    fileprivate static var proxyVersion: Schema<ProxyHeader.Version> { .enumeration(["v1": .v1, "v2": .v2]) }
}

extension Schema where Value == (BalancingPolicy, KeyTable.Kind) {
    fileprivate static var balance: Schema<(BalancingPolicy, KeyTable.Kind)> {
        .enumeration([
            "hash": (.consistentHash, .rendezvous), "maglev": (.consistentHash, .maglev),
            "ketama": (.consistentHash, .ketama), "least-request": (.leastRequest, .rendezvous),
            "random-two": (.randomTwo, .rendezvous),
        ])
    }
}

extension Schema where Value == ApplicationSettings {
    /// Limits on top of other settings.
    fileprivate static func applicationLimits(_ settings: ApplicationSettings) -> Schema<ApplicationSettings> {
        .section { section in
            var settings = settings
            section.read("per-worker", .integer(in: 1...1_000_000), into: &settings.requestsPerWorker)
            section.read("pending", .integer(in: 0...1_000_000), into: &settings.waitingRequests)
            section.read("in-flight", .off(or: .integer(in: 1...1_000_000)), into: &settings.requestsInFlight)
            return settings
        }
    }
}

extension Schema where Value == HealthCheckSettings {
    fileprivate static var health: Schema<HealthCheckSettings> {
        .section { section in
            var health = HealthCheckSettings()
            section.read("path", .healthPath, into: &health.path)
            section.read(
                "host", .string(bytes: 1...253).checked("a host name") { FieldEdits.isValue($0) }, into: &health.host)
            section.read("interval", .duration(in: .milliseconds(10)...(.seconds(3600))), into: &health.interval)
            section.read("timeout", .duration(in: .milliseconds(1)...(.seconds(60))), into: &health.timeout)
            section.read("healthy", .integer(in: 1...100), into: &health.passesToRise)
            section.read("unhealthy", .integer(in: 1...100), into: &health.failuresToFall)
            section.read("status", .statuses, into: &health.statuses)
            for key in ["host", "status"] where section.has(key) && !section.has("path") {
                section.refuse(key, "is of no use without \"path\": then only the connection is looked at")
            }
            return health
        }
    }
}

extension Schema where Value == String {
    fileprivate static var healthPath: Schema<String> {
        .text("a path that begins with /, maybe with a query, of visible ASCII without #") { text in
            let isPath =
                text.utf8.first == UInt8(ascii: "/") && text.utf8.count <= 2048
                && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
            return isPath ? text : nil
        }
    }
}

extension Schema where Value == ClosedRange<Int> {
    /// `200` or `200-399`.
    fileprivate static var statuses: Schema<ClosedRange<Int>> {
        .text("a status from 200 to 599, or a range of them such as 200-399") { text in
            let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { part in
                part.utf8.count == 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil
            }
            guard (1...2).contains(bounds.count), let first = bounds[0], let last = bounds[bounds.count - 1],
                first >= 200, last <= 599, first <= last
            else { return nil }
            return first...last
        }
    }
}

extension Schema where Value == FieldEdits {
    static var fieldEdits: Schema<FieldEdits> {
        .section { section in
            var edits = FieldEdits()
            section.read("set", .fields, into: &edits.set)
            section.read("add", .fields, into: &edits.add)
            section.read("remove", .list(of: .fieldName, limit: 64), into: &edits.remove)
            return edits
        }
    }
}

extension Schema where Value == [FieldEdits.Field] {
    fileprivate static var fields: Schema<[FieldEdits.Field]> {
        Schema<[(key: String, value: String)]>.mapping(keys: .fieldName, values: .fieldValue, limit: 64).map { pairs in
            pairs.map { FieldEdits.Field(name: $0.key, value: $0.value) }
        }
    }
}

extension Schema where Value == String {
    /// One that may be edited.
    fileprivate static var fieldName: Schema<String> {
        .text("the name of a field other than Host and those of connections and framing") { text in
            FieldEdits.isName(text) && !FieldEdits.isReserved(text) ? text : nil
        }
    }

    static var fieldValue: Schema<String> {
        .text("a field's value: at most 4096 bytes of visible ASCII and blanks, none at its ends") { text in
            FieldEdits.isValue(text) ? text : nil
        }
    }
}
