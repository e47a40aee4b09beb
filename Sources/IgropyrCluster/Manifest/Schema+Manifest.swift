internal import IgropyrConfiguration
internal import IgropyrOrchestration

extension Schema where Value == Manifest {
    static func manifest(_ file: String) -> Schema<Manifest> {
        .section { section in
            var manifest = Manifest(file: file)
            section.read("name", .application, into: &manifest.name)
            readProgram(section, into: &manifest)
            readPlacement(section, into: &manifest.spec)
            manifest.namesScale = section.has("workers")
            section.read("environment", .environment, into: &manifest.spec.environment)
            readLife(section, into: &manifest.spec)
            section.read("secrets", .secrets, into: &manifest.spec.secrets)
            section.read("health", .health, into: &manifest.spec.health)
            readConfinement(section, into: &manifest.spec.confinement)
            readTraffic(section, into: &manifest.spec)
            checkWhole(manifest, section)
            return manifest
        }
    }

    private static func readProgram(_ section: Section, into manifest: inout Manifest) {
        section.refuseTogether("command", "site")
        if let command = section.value("command", .command) {
            manifest.program = .command(command.program)
            manifest.spec.arguments = command.arguments
        }
        if let site = section.value("site", .site) {
            manifest.program = .site(site.program)
            manifest.spec.arguments = site.arguments
        }
    }

    private static func readPlacement(_ section: Section, into spec: inout DeploymentSpec) {
        section.read("workers", .scale, into: &spec.scale)
        section.read("constraints", .tags, into: &spec.constraints)
        section.read("prefer", .tags, into: &spec.preferences)
        if section.has("prefer"), case .total = spec.scale {
        } else if section.has("prefer") {
            section.refuse("prefer", "is of no use without \"workers: { total: … }\": the others run on every host")
        }
    }

    private static func readLife(_ section: Section, into spec: inout DeploymentSpec) {
        section.read("start-timeout", .milliseconds(from: 1), into: &spec.startTimeoutMilliseconds)
        section.read("stop-timeout", .milliseconds(from: 0), into: &spec.stopTimeoutMilliseconds)
        section.read("restart", .restart, into: &spec.restart)
        if let watchdog = section.value("watchdog", .milliseconds(from: 1)) { spec.watchdogMilliseconds = watchdog }
        section.read("update", .update, into: &spec.update)
    }

    private static func readConfinement(_ section: Section, into confinement: inout Confinement) {
        section.read("limits", .limits(confinement), into: &confinement)
        section.read("user", .user, into: &confinement.user)
        section.read("isolation", .word(), into: &confinement.isolation)
    }

    private static func readTraffic(_ section: Section, into spec: inout DeploymentSpec) {
        let routes = section.value("routes", .oneOrMore(of: Schema<Route>.route.located, limit: StateLimits.routes))
        if let routes, let first = routes.first {
            spec.route = first.value
            spec.furtherRoutes = routes.dropFirst().map(\.value)
            var known: Set<Route> = []
            for route in routes where !known.insert(route.value).inserted {
                section.refuse(route, "the route \(route.value) is there twice")
            }
        }
        section.read("hash", .hashKey, into: &spec.hashKey)
        section.read("encrypt", .bool, into: &spec.isEncrypted)
    }

    /// What holds of several values together, such as the sum of their lengths.
    private static func checkWhole(_ manifest: Manifest, _ section: Section) {
        guard section.isSound else { return }
        do throws(Refusal) {
            try manifest.spec.validate()
        } catch { section.refuse(error.reason) }
    }
}

private struct Started: Sendable {
    var program: Located<String>
    var arguments: [String] = []
}

extension Schema where Value == Started {
    /// A program's path, or a list of it and its arguments.
    fileprivate static var command: Schema<Started> {
        Schema<[Located<String>]>.oneOrMore(of: Schema<String>.processText.located, limit: StateLimits.arguments + 1)
            .checked("a program's path within the folder, such as bin/shop, or a list that begins with one") { words in
                words.first.map { DeploymentSpec.isEntry($0.value) } ?? false
            }
            .map { Started(program: $0[0], arguments: $0.dropFirst().map(\.value)) }
    }

    /// A folder, or all there is to say of one.
    fileprivate static var site: Schema<Started> {
        .short(
            Schema<String>.folder.located.map { Started(program: $0) },
            or: .section { section in
                let folder = section.require("folder", Schema<String>.folder.located)
                let options = section.value("options", .list(of: .processText, limit: StateLimits.arguments)) ?? []
                return folder.map { Started(program: $0, arguments: options) }
            })
    }
}

extension Schema where Value == String {
    /// What reaches a process.
    fileprivate static var processText: Schema<String> {
        .text("a text without NUL") { $0.utf8.contains(0) ? nil : $0 }
    }

    fileprivate static var folder: Schema<String> {
        .text("a folder's path within the folder, or .") { $0 == "." || DeploymentSpec.isEntry($0) ? $0 : nil }
    }
}

extension Schema where Value == DeploymentSpec.Scale {
    fileprivate static var scale: Schema<DeploymentSpec.Scale> {
        .short(.workersPerHost, or: .oneOf(["per-host": .workersPerHost, "total": .total]))
    }

    private static var workersPerHost: Schema<DeploymentSpec.Scale> {
        let limit = StateLimits.workersPerHost
        return .text("auto, or workers per host: a whole number from 0 to \(limit)") { text in
            if text == "auto" { return .perCore }
            guard text.utf8.count <= 4, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(text),
                count <= limit
            else { return nil }
            return .perHost(count)
        }
    }

    private static var total: Schema<DeploymentSpec.Scale> {
        Schema<Int>.integer(in: 0...Placement.maximumTotal).map { .total($0) }
    }
}

extension Schema where Value == [String: String] {
    /// Of a host.
    fileprivate static var tags: Schema<[String: String]> {
        Schema<[(key: String, value: String)]>.mapping(
            keys: .text("a tag's name of 1 to \(StateLimits.tagKeyBytes) bytes, without =") {
                (1...StateLimits.tagKeyBytes).contains($0.utf8.count) && !$0.utf8.contains(UInt8(ascii: "=")) ? $0 : nil
            },
            values: .string(bytes: 0...StateLimits.tagValueBytes), limit: StateLimits.constraints
        ).map { Dictionary($0.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }) }
    }

    fileprivate static var environment: Schema<[String: String]> {
        Schema<[(key: String, value: String)]>.mapping(
            keys: .variable, values: .processText, limit: StateLimits.environmentVariables
        ).map { Dictionary($0.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }) }
    }
}

extension Schema where Value == String {
    static var variable: Schema<String> {
        .text("a variable's name: a letter or _, then letters, digits and _") {
            DeploymentSpec.isVariable($0) ? $0 : nil
        }
    }
}

extension Schema where Value == Int {
    static func milliseconds(from least: Int) -> Schema<Int> {
        milliseconds(in: least...StateLimits.durationMilliseconds)
    }

    static func milliseconds(in range: ClosedRange<Int>) -> Schema<Int> {
        Schema<Duration>.duration(in: .milliseconds(range.lowerBound)...(.milliseconds(range.upperBound)))
            .map { Int($0 / .milliseconds(1)) }
    }
}

extension Schema where Value == RestartPolicy {
    /// A kind, or all there is to say.
    fileprivate static var restart: Schema<RestartPolicy> {
        .short(
            Schema<RestartPolicy.Kind>.word().map { RestartPolicy($0) },
            or: .section { section in
                var policy = RestartPolicy()
                section.read("kind", .word(), into: &policy.kind)
                section.read("intensity", .integer(in: 0...StateLimits.restartIntensity), into: &policy.intensity)
                section.read("period", .milliseconds(from: 1), into: &policy.periodMilliseconds)
                return policy
            })
    }
}

extension Schema where Value == Route {
    /// A path prefix, or host and path.
    fileprivate static var route: Schema<Route> {
        .short(
            .text("a path prefix such as /shop") { try? Route(pathPrefix: $0) },
            or: .section { section in
                let host = section.value(
                    "host",
                    .text("a host name or an address; no port") { text in
                        (try? Route(host: text)).map { _ in text }
                    })
                let path = section.value(
                    "path",
                    .text("a path prefix such as /shop") { text in
                        (try? Route(pathPrefix: text)).map { _ in text }
                    })
                return try? Route(host: host, pathPrefix: path ?? "/")
            })
    }
}
