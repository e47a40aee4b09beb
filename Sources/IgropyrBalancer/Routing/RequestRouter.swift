import IgropyrHTTP
public import IgropyrOrchestration

/// Where requests go: by the rules of the configuration file, then by the routes of the cluster's deployments, then to
/// the default application. Immutable; made anew when either changes.
public struct RequestRouter: Sendable {
    enum Destination: Hashable {
        /// The position in ``rules``.
        case rule(Int)
        case application(ApplicationName)
        /// Answer 404.
        case nowhere
    }

    public let rules: [RouteRule]
    private let table: RoutingTable
    private let deployed: DeployedRoutes?
    private let fallback: ApplicationName?

    public init(rules: [RouteRule], deployed: DeployedRoutes? = nil, default fallback: ApplicationName? = nil) {
        self.rules = rules
        self.deployed = deployed
        self.fallback = fallback
        table = RoutingTable(rules.map(\.match))
    }

    /// Allocates nothing.
    func destination(_ head: MessageHead, _ bytes: RawSpan) -> Destination {
        let text = Span<UInt8>(_bytes: bytes)
        let host = text.extracting(head.authority ?? 0..<0)
        let path = text.extracting(head.path)
        if !rules.isEmpty, let position = table.position(host: host, path: path, where: { $0.holds(head, bytes) }) {
            return .rule(position)
        }
        if let application = deployed?.application(host: host, path: path) ?? fallback {
            return .application(application)
        }
        return .nowhere
    }
}

extension HeaderCondition {
    /// Whether a request is as the condition asks.
    func holds(_ head: MessageHead, _ bytes: RawSpan) -> Bool {
        let value = head.value(of: name, in: bytes)
        switch test {
        case .isPresent: return value != nil
        case .isAbsent: return value == nil
        case .equals(let expected): return value.map { bytes.isText(expected, in: $0) } ?? false
        }
    }
}

extension RawSpan {
    func isText(_ text: String, in range: Range<Int>) -> Bool {
        let expected = text.utf8Span.span
        guard expected.count == range.count else { return false }
        let bytes = Span<UInt8>(_bytes: self)
        for index in 0..<range.count where bytes[range.lowerBound + index] != expected[index] { return false }
        return true
    }
}

extension RouteRule.Action {
    /// The `Location` of a redirect; nil for other actions, and for a redirect to the request's own host if it names
    /// none.
    func location(_ head: MessageHead, _ bytes: RawSpan) -> [UInt8]? {
        guard case .redirect(let target, _) = self else { return nil }
        return target.location(of: head, bytes)
    }
}

extension RedirectTarget {
    /// The value of `Location` for a request; nil if the host is asked for and the request names none.
    func location(of head: MessageHead, _ bytes: RawSpan) -> [UInt8]? {
        let text = Span<UInt8>(_bytes: bytes)
        let end = head.query?.upperBound ?? head.path.upperBound
        return location(
            host: text.extracting(head.authority ?? 0..<0), uri: text.extracting(head.path.lowerBound..<end))
    }
}
