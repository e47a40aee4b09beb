/// Route patterns by their segments; routes are numbered as they were added. Apart from ``Router`` since it does not
/// depend on what a route leads to, and code that does is slow outside its module.
@usableFromInline struct RouteTrie: Sendable {
    @usableFromInline enum Match {
        case found(route: Int, parameters: [RouteParameter])
        case methodNotAllowed(HTTPMethodSet)
        case notFound
    }

    private struct Literal {
        /// In `text`.
        let bytes: Range<Int>
        let node: Int
    }

    private struct Node {
        /// Sorted by their bytes.
        var literals: [Literal] = []
        var parameter: Int?
        var wildcard: Int?
        var catchAll: Int?
        var routes: [(method: HTTPMethod, route: Int)] = []
    }

    private struct Search {
        /// Nil finds nothing and so visits all.
        let method: HTTPMethod?
        var allowed: HTTPMethodSet = []
        var captures: [Range<Int>] = []
    }

    private var nodes = [Node()]
    /// The bytes of all literals.
    private var text: [UInt8] = []
    /// The names of each route's parameters.
    private var names: [[String]] = []

    init() {}

    mutating func add(_ method: HTTPMethod, _ pattern: RoutePattern) throws(DuplicateRoute) {
        var current = 0
        var names: [String] = []
        for segment in pattern.segments {
            switch segment {
            case .literal(let bytes): current = literalChild(bytes, of: current)
            case .parameter(let name):
                names.append(name)
                current = child(\.parameter, of: current)
            case .wildcard: current = child(\.wildcard, of: current)
            case .catchAll:
                names.append("**")
                current = child(\.catchAll, of: current)
            }
        }
        guard !nodes[current].routes.contains(where: { $0.method == method }) else {
            throw DuplicateRoute(method: method, pattern: pattern)
        }
        nodes[current].routes.append((method, self.names.count))
        self.names.append(names)
    }

    @usableFromInline func find(
        _ method: HTTPMethod?, path: Range<Int>, in bytes: RawSpan
    ) throws(HTTPError) -> Match {
        try PathSegments.validate(path, in: bytes)
        var search = Search(method: method)
        guard let route = route(from: 0, PathSegments(path), in: bytes, &search) else {
            return search.allowed.isEmpty ? .notFound : .methodNotAllowed(search.allowed)
        }
        var parameters: [RouteParameter] = []
        for (name, range) in zip(names[route], search.captures) {
            parameters.append(RouteParameter(name: name, range: range))
        }
        return .found(route: route, parameters: parameters)
    }

    // MARK: - Search

    /// The best route under `node` for what is left of the path. Each node has one parent, so none is visited twice.
    private func route(
        from node: Int, _ segments: PathSegments, in bytes: RawSpan, _ search: inout Search
    ) -> Int? {
        var rest = segments
        guard let segment = rest.next(in: bytes) else {
            return route(at: node, &search) ?? catchAllRoute(of: node, keeping: segments.end, &search)
        }
        if let next = literalChild(matching: segment, in: bytes, of: node),
            let route = route(from: next, rest, in: bytes, &search)
        {
            return route
        }
        if !segment.isEmpty, let next = nodes[node].parameter {
            search.captures.append(segment)
            if let route = route(from: next, rest, in: bytes, &search) { return route }
            search.captures.removeLast()
        }
        if !segment.isEmpty, let next = nodes[node].wildcard, let route = route(from: next, rest, in: bytes, &search) {
            return route
        }
        return segments.remainder.flatMap { catchAllRoute(of: node, keeping: $0, &search) }
    }

    private func catchAllRoute(of node: Int, keeping rest: Range<Int>, _ search: inout Search) -> Int? {
        guard let next = nodes[node].catchAll, let route = route(at: next, &search) else { return nil }
        search.captures.append(rest)
        return route
    }

    private func route(at node: Int, _ search: inout Search) -> Int? {
        for (method, route) in nodes[node].routes {
            if method == search.method { return route }
            search.allowed.insert(HTTPMethodSet(method))
        }
        return nil
    }

    private func literalChild(matching segment: Range<Int>, in bytes: RawSpan, of node: Int) -> Int? {
        guard !nodes[node].literals.isEmpty else { return nil }
        let percent = bytes.firstOffset(of: UInt8(ascii: "%"), from: segment.lowerBound, to: segment.upperBound)
        if percent == nil { return literalChild(equal: segment, in: bytes, of: node) }
        guard let decoded = try? PercentEncoding.decode(segment, in: bytes) else { return nil }
        return unsafe literalChild(equal: 0..<decoded.count, in: decoded.span.bytes, of: node)
    }

    private func literalChild(equal segment: Range<Int>, in bytes: RawSpan, of node: Int) -> Int? {
        let (place, isEqual) = place(of: segment, in: bytes, of: node)
        return isEqual ? nodes[node].literals[place].node : nil
    }

    /// Binary search: where the literal equal to `segment` is, or belongs.
    private func place(of segment: Range<Int>, in bytes: RawSpan, of node: Int) -> (place: Int, isEqual: Bool) {
        var low = 0
        var high = nodes[node].literals.count
        while low < high {
            let middle = (low + high) / 2
            let order = bytes.order(of: segment, to: text, in: nodes[node].literals[middle].bytes)
            if order == 0 { return (middle, true) }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return (low, false)
    }

    // MARK: - Building

    private mutating func literalChild(_ bytes: [UInt8], of node: Int) -> Int {
        let (place, isEqual) = unsafe place(of: 0..<bytes.count, in: bytes.span.bytes, of: node)
        if isEqual { return nodes[node].literals[place].node }
        let start = text.count
        text += bytes
        nodes.append(Node())
        nodes[node].literals.insert(Literal(bytes: start..<text.count, node: nodes.count - 1), at: place)
        return nodes.count - 1
    }

    private mutating func child(_ kind: WritableKeyPath<Node, Int?>, of node: Int) -> Int {
        if let child = nodes[node][keyPath: kind] { return child }
        nodes.append(Node())
        nodes[node][keyPath: kind] = nodes.count - 1
        return nodes.count - 1
    }
}
