internal import IgropyrConfiguration
internal import IgropyrOrchestration

extension Schema where Value == HealthCheck? {
    /// `notify`, `tcp`, a path, or all there is to say.
    static var health: Schema<HealthCheck?> { .short(.kind, or: Schema<HealthCheck>.full.map(Optional.some)) }

    private static var kind: Schema<HealthCheck?> {
        .text("notify, tcp, or a path to ask for such as /health") { text in
            switch text {
            case "notify": .some(nil)
            case "tcp": .some(HealthCheck(.tcp))
            default: HealthCheck.isTarget(text) ? .some(HealthCheck(.http(path: text))) : .none
            }
        }
    }
}

extension Schema where Value == HealthCheck {
    fileprivate static var full: Schema<HealthCheck> {
        .section { section in
            let path = section.value("http", .target)
            let isTCP = section.value("tcp", .bool) ?? false
            section.refuseTogether("http", "tcp")
            if !section.has("http"), !isTCP { section.refuse("found neither, expected \"http\" or \"tcp: true\"") }
            var check = HealthCheck(path.map { .http(path: $0) } ?? .tcp)
            section.read("interval", .milliseconds(in: HealthCheck.intervalRange), into: &check.intervalMilliseconds)
            section.read("timeout", .milliseconds(in: HealthCheck.timeoutRange), into: &check.timeoutMilliseconds)
            section.read("failures", .integer(in: HealthCheck.failuresRange), into: &check.failures)
            section.read("warm-up", .oneOrMore(of: .target, limit: HealthCheck.warmUpLimit), into: &check.warmUp)
            return check
        }
    }
}

extension Schema where Value == String {
    fileprivate static var target: Schema<String> {
        .text("a path that begins with /, maybe with a query, of visible ASCII without #") {
            HealthCheck.isTarget($0) ? $0 : nil
        }
    }
}
