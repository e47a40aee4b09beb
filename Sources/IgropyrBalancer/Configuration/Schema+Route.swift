import IgropyrConfiguration
import IgropyrOrchestration

extension Schema where Value == RouteRule {
    static var route: Schema<RouteRule> {
        .section { section in
            let match = readMatch(section)
            let action = readAction(section)
            var overrides = RouteOverrides()
            section.read("hash", .hashKey, into: &overrides.hashKey)
            section.read("connect-timeout", .timeout, into: &overrides.connectTimeout)
            section.read("response-timeout", .timeout, into: &overrides.responseTimeout)
            section.read("retries", .integer(in: 0...10), into: &overrides.retries)
            section.read("buffer-requests", .bufferedBody, into: &overrides.bufferedBodyBytes)
            section.read("compress", .compression, into: &overrides.compression)
            section.read("request-headers", .fieldEdits, into: &overrides.requestFields)
            section.read("response-headers", .fieldEdits, into: &overrides.responseFields)
            guard let match, let action else { return nil }
            if case .redirect = action, overrides != RouteOverrides() {
                section.refuse("a redirect asks no application: \"hash\", \"retries\" and the like are of no use")
            }
            var rule = RouteRule(match, action)
            rule.overrides = overrides
            return rule
        }
    }

    private static func readMatch(_ section: Section) -> RouteMatch? {
        let host = section.value("host", .hostPattern)
        let path = section.value("path", .pathPrefix)
        let pairs = section.value("headers", .mapping(keys: .conditionName, values: .condition, limit: 16)) ?? []
        let conditions = pairs.map { HeaderCondition(name: $0.key, $0.value) }.sorted { $0.name < $1.name }
        do {
            return try RouteMatch(host: host, pathPrefix: path ?? "/", conditions: conditions)
        } catch {
            section.refuse(error.description)  // Not reached: both parts were checked.
            return nil
        }
    }

    private static func readAction(_ section: Section) -> RouteRule.Action? {
        let application = section.value("application", .application)
        let redirect = section.value("redirect", .redirect)
        let status = section.value("status", .redirectStatus)
        section.refuseTogether("application", "redirect")
        if section.has("status"), !section.has("redirect") {
            section.refuse("status", "is of no use without \"redirect\"")
        }
        if !section.has("application"), !section.has("redirect") {
            section.refuse("found neither, expected \"application\" or \"redirect\"")
        }
        if let redirect { return .redirect(redirect, status: status ?? 308) }
        return application.map { .application($0) }
    }
}

extension Schema where Value == String {
    fileprivate static var hostPattern: Schema<String> {
        .text("a host name, *. and a host name, or an address; no port") { text in
            (try? RouteMatch(host: text)) == nil ? nil : text
        }
    }

    fileprivate static var pathPrefix: Schema<String> {
        .text("a path prefix: '/' and segments, no '.', '..', '?', '#' or blank, at most 1024 bytes") { text in
            (try? RouteMatch(pathPrefix: text)) == nil ? nil : text
        }
    }

    fileprivate static var conditionName: Schema<String> {
        .text("the name of a field") { FieldEdits.isName($0) ? $0 : nil }
    }
}

extension Schema where Value == HeaderCondition.Test {
    fileprivate static var condition: Schema<HeaderCondition.Test> {
        .short(
            Schema<String>.fieldValue.map { .equals($0) },
            or: .oneOf([
                "equals": Schema<String>.fieldValue.map { .equals($0) },
                "present": Schema<Bool>.bool.map { $0 ? .isPresent : .isAbsent },
            ]))
    }
}

extension Schema where Value == RedirectTarget {
    fileprivate static var redirect: Schema<RedirectTarget> {
        .text("a URL, maybe with {host}, {path}, {query} or {uri}") { (text: String) throws(RedirectTarget.Invalid) in
            try RedirectTarget(text)
        }
    }
}

extension Schema where Value == Int {
    fileprivate static var redirectStatus: Schema<Int> {
        .enumeration(["301": 301, "302": 302, "303": 303, "307": 307, "308": 308])
    }
}
