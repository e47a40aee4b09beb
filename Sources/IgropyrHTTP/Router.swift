/// Finds the value for a method and a path among route patterns.
///
/// A lookup compares the path's bytes as they are, and decodes a segment only if it has an escape; it allocates for
/// parameters alone. It visits each node of its trie once at most, whatever the path: at a node with n literals and m
/// patterns such as `*.txt`, one binary search over the n and at most m comparisons with the ends of one segment.
public struct Router<Value> {
    @frozen public enum Match {
        case found(Value, parameters: [RouteParameter])
        /// The path has routes, for these methods only: 405, with `Allow`.
        case methodNotAllowed(HTTPMethodSet)
        case notFound
    }

    @usableFromInline var trie = RouteTrie()
    /// By the trie's numbers.
    @usableFromInline var values: [Value] = []

    public init() {}

    /// Adds a route. Parameters at the same place may have different names in different routes.
    /// - Throws: If a route that matches the same paths has the method already.
    public mutating func add(_ method: HTTPMethod, _ pattern: PathPattern, _ value: Value) throws(DuplicateRoute) {
        try trie.add(method, pattern)
        values.append(value)
    }

    /// The route for `path`. If the best pattern for it lacks the method, the next best that has it is taken.
    /// - Throws: `.invalidPercentEncoding` or `.dotSegment`, see ``PathSegments``.
    @inlinable public func find(
        _ method: HTTPMethod, path: Range<Int>, in bytes: RawSpan
    ) throws(HTTPError) -> Match {
        switch try trie.find(method, path: path, in: bytes) {
        case .found(let route, let parameters): .found(values[route], parameters: parameters)
        case .methodNotAllowed(let allowed): .methodNotAllowed(allowed)
        case .notFound: .notFound
        }
    }
}

extension Router: Sendable where Value: Sendable {}
extension Router.Match: Sendable where Value: Sendable {}

/// A part of the path that a pattern kept: its name, and where it stands, not decoded; see ``PercentEncoding``.
public struct RouteParameter: Sendable, Hashable {
    public let name: String
    public let range: Range<Int>
}

/// Two routes for the same method and the same paths: only one could ever be found.
public struct DuplicateRoute: Error, Sendable, Hashable, CustomStringConvertible {
    public let method: HTTPMethod
    public let pattern: PathPattern

    public var description: String {
        "a second route for \(method.name.map { "\($0)" } ?? "another method") \(pattern)"
    }
}
