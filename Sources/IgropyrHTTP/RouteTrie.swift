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

    private struct Affixes {
        let prefix: [UInt8]
        let suffix: [UInt8]
        let node: Int

        var count: Int { prefix.count + suffix.count }
    }

    private struct Node {
        /// Sorted by their bytes.
        var literals: [Literal] = []
        /// Those with more text first.
        var affixed: [Affixes] = []
        var parameter: Int?
        var wildcard: Int?
        var catchAll: Int?
        var routes: [(method: HTTPMethod, route: Int)] = []
    }

    private struct Search {
        /// Nil finds nothing and so visits all.
        let method: HTTPMethod
        var allowed: HTTPMethodSet = []
        var captures: [Range<Int>] = []
    }

    private var nodes = [Node()]
    /// The bytes of all literals.
    private var text: [UInt8] = []
    /// The names of each route's parameters.
    private var names: [[String]] = []

    init() {}

    mutating func add(_ method: HTTPMethod, _ pattern: PathPattern) throws(DuplicateRoute) {
        var current = 0
        var names: [String] = []
        var stars = 0
        for segment in pattern.segments {
            switch segment {
            case .literal(let bytes): current = literalChild(bytes, of: current)
            case .parameter(let name):
                names.append(name)
                current = child(\.parameter, of: current)
            case .affixed(let prefix, let suffix):
                stars += 1
                names.append(stars == 1 ? "*" : "*\(stars)")
                current = affixedChild(prefix, suffix, of: current)
            case .wildcard:
                stars += 1
                names.append(stars == 1 ? "*" : "*\(stars)")
                current = child(\.wildcard, of: current)
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
        _ method: HTTPMethod, path: Range<Int>, in bytes: RawSpan
    ) throws(HTTPError) -> Match {
        try PathSegments.validate(path, in: bytes)
        var search = Search(method: method)
        guard let route = route(from: 0, PathSegments(path), in: bytes, &search) else {
            return search.allowed.isEmpty ? .notFound : .methodNotAllowed(search.allowed)
        }
        guard !search.captures.isEmpty else { return .found(route: route, parameters: []) }
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
        if !segment.isEmpty, let route = variableRoute(from: node, segment, rest, in: bytes, &search) { return route }
        return segments.remainder.flatMap { catchAllRoute(of: node, keeping: $0, &search) }
    }

    /// The best route of those that keep a part of `segment`.
    private func variableRoute(
        from node: Int, _ segment: Range<Int>, _ rest: PathSegments, in bytes: RawSpan, _ search: inout Search
    ) -> Int? {
        for index in nodes[node].affixed.indices {
            let affixes = nodes[node].affixed[index]
            guard let middle = bytes.middle(of: segment, between: affixes.prefix, affixes.suffix) else { continue }
            if let route = route(from: affixes.node, rest, keeping: middle, in: bytes, &search) { return route }
        }
        if let next = nodes[node].parameter,
            let route = route(from: next, rest, keeping: segment, in: bytes, &search)
        {
            return route
        }
        guard let next = nodes[node].wildcard else { return nil }
        return route(from: next, rest, keeping: segment, in: bytes, &search)
    }

    private func route(
        from node: Int, _ rest: PathSegments, keeping capture: Range<Int>, in bytes: RawSpan, _ search: inout Search
    ) -> Int? {
        search.captures.append(capture)
        if let route = route(from: node, rest, in: bytes, &search) { return route }
        search.captures.removeLast()
        return nil
    }

    private func catchAllRoute(of node: Int, keeping rest: Range<Int>, _ search: inout Search) -> Int? {
        guard let next = nodes[node].catchAll, let route = route(at: next, &search) else { return nil }
        search.captures.append(rest)
        return route
    }

    private func route(at node: Int, _ search: inout Search) -> Int? {
        for index in nodes[node].routes.indices {
            let (method, route) = nodes[node].routes[index]
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

    private mutating func affixedChild(_ prefix: [UInt8], _ suffix: [UInt8], of node: Int) -> Int {
        if let known = nodes[node].affixed.first(where: { $0.prefix == prefix && $0.suffix == suffix }) {
            return known.node
        }
        let new = Affixes(prefix: prefix, suffix: suffix, node: nodes.count)
        nodes.append(Node())
        let place = nodes[node].affixed.firstIndex { $0.count < new.count } ?? nodes[node].affixed.count
        nodes[node].affixed.insert(new, at: place)
        return new.node
    }

    private mutating func child(_ kind: WritableKeyPath<Node, Int?>, of node: Int) -> Int {
        if let child = nodes[node][keyPath: kind] { return child }
        nodes.append(Node())
        nodes[node][keyPath: kind] = nodes.count - 1
        return nodes.count - 1
    }
}
