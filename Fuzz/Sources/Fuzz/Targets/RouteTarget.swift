import IgropyrHTTP

/// Patterns, a line each, and in the last line the path that is looked for.
enum RouteTarget: FuzzTarget {
    static let name = "route"

    static func run(_ input: [UInt8]) {
        let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var router = Router<Int>()
        var patterns: [PathPattern] = []
        for line in lines.dropLast().prefix(32) {
            guard let pattern = try? PathPattern(String(decoding: line, as: UTF8.self)),
                (try? router.add(.get, pattern, patterns.count)) != nil
            else { continue }
            patterns.append(pattern)
        }
        for (index, pattern) in patterns.enumerated() {
            let isLiteral = !pattern.description.utf8.contains { "*:\0".utf8.contains($0) }
            if isLiteral { checkLiteral(pattern, index, router) }
        }
        look(for: Array(lines.last ?? []), among: patterns, router)
    }

    /// A path is found by the pattern that spells it, whatever other patterns match it.
    private static func checkLiteral(_ pattern: PathPattern, _ index: Int, _ router: Router<Int>) {
        let segments = pattern.description.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let path = Array(segments.map { "/" + PercentEncoding.encode(String($0)) }.joined().utf8)
        guard case .found(index, let parameters)? = try? router.find(.get, path: 0..<path.count, in: path.span.bytes),
            parameters.isEmpty
        else { fatalError("a literal route is not found") }
    }

    private static func look(for path: [UInt8], among patterns: [PathPattern], _ router: Router<Int>) {
        let all = 0..<path.count
        guard path.first == UInt8(ascii: "/"), path.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let match = try? router.find(.get, path: all, in: path.span.bytes)
        else { return }
        let matching = patterns.indices.filter { matches(patterns[$0].description, path) }
        for (index, pattern) in patterns.enumerated() {
            require(pattern.matches(all, in: path.span.bytes) == matching.contains(index), "a pattern alone differs")
        }
        switch match {
        case .found(let index, let parameters):
            require(matching.contains(index), "the route does not match the path")
            for parameter in parameters {
                require(parameter.range.lowerBound >= 0 && parameter.range.upperBound <= path.count)
                require(!parameter.range.isEmpty || parameter.name == "**")
            }
        case .notFound: require(matching.isEmpty, "a route that matches the path is not found")
        case .methodNotAllowed: fatalError("all routes have the method")
        }
        // The answer to another method says so.
        let other = try? router.find(.post, path: all, in: path.span.bytes)
        if case .methodNotAllowed(let methods)? = other {
            require(!matching.isEmpty && methods == HTTPMethodSet(.get))
        } else {
            require(matching.isEmpty, "a path that has routes is not found by another method")
        }
    }

    /// The rules of ``PathPattern`` once more, slow and simple.
    private static func matches(_ pattern: String, _ path: [UInt8]) -> Bool {
        var wanted = pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        for segment in segments {
            guard let next = wanted.popFirst() else { return false }
            if next == "**" { return true }
            guard let decoded = try? PercentEncoding.decode(segment.indices, in: path.span.bytes),
                matches(next, decoded)
            else { return false }
        }
        return wanted.isEmpty || wanted.elementsEqual(["**"])
    }

    private static func matches(_ pattern: Substring, _ segment: [UInt8]) -> Bool {
        if pattern.hasPrefix(":") { return !segment.isEmpty }
        guard let star = pattern.utf8.firstIndex(of: UInt8(ascii: "*")) else {
            return segment.elementsEqual(pattern.utf8)
        }
        let (prefix, suffix) = (pattern.utf8[..<star], pattern.utf8[star...].dropFirst())
        return segment.count > prefix.count + suffix.count && segment.starts(with: prefix)
            && segment.reversed().starts(with: suffix.reversed())
    }
}
