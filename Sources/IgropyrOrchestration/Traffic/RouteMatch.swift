/// Which requests a rule is for: those to its host names, whose path is its prefix or below it, and whose header is as
/// it asks.
public struct RouteMatch: Hashable, Sendable {
    public enum Host: Hashable, Sendable {
        case any
        /// Lower case, without a port.
        case name(String)
        /// Every name that ends so; with the dot in front: `.example.org` for `*.example.org`, which is not above
        /// itself.
        case below(String)
    }

    public let host: Host
    /// As a ``Route`` has it.
    public let pathPrefix: String
    /// All of them must hold.
    public let conditions: [HeaderCondition]

    /// - Parameters:
    ///   - host: A name, an address, or `*.` and a name; nil for any.
    ///   - pathPrefix: An absolute path; "/" for any.
    ///   - conditions: What must hold besides.
    /// - Throws: If the host or the path is none.
    public init(
        host: String? = nil, pathPrefix: String = "/", conditions: [HeaderCondition] = []
    ) throws(InvalidName) {
        let isWildcard = host?.hasPrefix("*.") ?? false
        let route = try Route(host: isWildcard ? host.map { String($0.dropFirst(2)) } : host, pathPrefix: pathPrefix)
        self.host =
            switch route.host {
            case nil: .any
            case .some(let name): isWildcard ? .below("." + name) : .name(name)
            }
        self.pathPrefix = route.pathPrefix
        self.conditions = conditions
    }

    public init(_ route: Route) {
        host = route.host.map { .name($0) } ?? .any
        pathPrefix = route.pathPrefix
        conditions = []
    }
}

/// What a request's header must have.
public struct HeaderCondition: Hashable, Sendable {
    public enum Test: Hashable, Sendable {
        /// The first field of that name has just this value; its case counts.
        case equals(String)
        case isPresent
        case isAbsent
    }

    /// Compared without regard to case.
    public let name: String
    public let test: Test

    public init(name: String, _ test: Test) {
        self.name = name.lowercased()
        self.test = test
    }

    /// The name of a field: a token (RFC 9110 §5.6.2) of at most 256 bytes.
    package static func isName(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}

extension RouteMatch: CustomStringConvertible {
    public var description: String {
        let host =
            switch host {
            case .any: "*"
            case .name(let name): name
            case .below(let suffix): "*" + suffix
            }
        return host + pathPrefix + conditions.map { " \($0)" }.joined()
    }
}

extension HeaderCondition: CustomStringConvertible {
    public var description: String {
        switch test {
        case .equals(let value): "\(name)=\(value)"
        case .isPresent: "\(name) present"
        case .isAbsent: "\(name) absent"
        }
    }
}
