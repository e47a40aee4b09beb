/// Which of a list of rules answers a request. Immutable; made anew when the rules change.
public struct RoutingTable: Hashable, Sendable {
    // Only numbers, so that a look at one counts no references; their bytes stand together in `text`.
    private struct Rule: Hashable, Sendable {
        /// Empty for "/": every path is below it.
        var prefix: Range<Int>
        /// In `conditions`.
        var conditions: Range<Int>
        /// Its position in the list.
        var position: Int
    }

    private struct HostRules: Hashable, Sendable {
        /// A whole name, or the end of one with its dot.
        var host: Range<Int>
        /// In `rules`. Longest prefix first; of one prefix those with the most conditions first, then as they came.
        var rules: Range<Int>
    }

    private var text: [UInt8] = []
    private var conditions: [HeaderCondition] = []
    private var rules: [Rule] = []
    // By length, then by bytes, for a search by halves.
    private var names: [HostRules] = []
    private var suffixes: [HostRules] = []
    private var anyHost = 0..<0

    /// Of rules that match the same requests the first counts.
    public init(_ matches: [RouteMatch]) {
        let byHost = Dictionary(grouping: matches.enumerated(), by: \.element.host)
        // In the order of their first rules, so that equal lists make equal tables.
        for (host, matches) in byHost.sorted(by: { $0.value[0].offset < $1.value[0].offset }) {
            let start = rules.count
            let sorted = matches.sorted { left, right in
                let (one, other) = (left.element, right.element)
                return (other.pathPrefix.utf8.count, other.conditions.count, left.offset)
                    < (one.pathPrefix.utf8.count, one.conditions.count, right.offset)
            }
            for (position, match) in sorted { append(match, at: position) }
            switch host {
            case .any: anyHost = start..<rules.count
            case .name(let name): names.append(HostRules(host: store(name), rules: start..<rules.count))
            case .below(let suffix): suffixes.append(HostRules(host: store(suffix), rules: start..<rules.count))
            }
        }
        names = names.sorted { precedes($0.host, $1.host) }
        suffixes = suffixes.sorted { precedes($0.host, $1.host) }
    }

    private mutating func append(_ match: RouteMatch, at position: Int) {
        let first = conditions.count
        conditions += match.conditions
        let prefix = match.pathPrefix == "/" ? "" : match.pathPrefix
        rules.append(Rule(prefix: store(prefix), conditions: first..<conditions.count, position: position))
    }

    private mutating func store(_ part: String) -> Range<Int> {
        let start = text.count
        text += part.utf8
        return start..<text.count
    }

    private func precedes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        left.count == right.count ? text[left].lexicographicallyPrecedes(text[right]) : left.count < right.count
    }

    /// Rules for the very host name go first, then those for names that end so, the longest end first, then those for
    /// any; among the rules of a host the longest prefix, then the most conditions. Where no rule of a host fits, the
    /// next host's are asked. Allocates nothing.
    ///
    /// - Parameters:
    ///   - host: The request's, of any case, with or without a port or a dot at its end; empty if there is none.
    ///   - path: The request target's path; a query may follow. Compared byte by byte, nothing is decoded.
    ///   - holds: Whether the request's header is as a condition asks.
    /// - Returns: The position of the rule; nil if none matches.
    public func position(
        host: Span<UInt8>, path: Span<UInt8>, where holds: (HeaderCondition) -> Bool
    ) -> Int? {
        let path = path.extracting(first: Self.lengthWithoutQuery(path))
        if !names.isEmpty || !suffixes.isEmpty {
            let host = host.extracting(first: Self.nameLength(host))
            if let position = positionByHost(host, path, holds) { return position }
        }
        return match(anyHost, path, holds)
    }

    private func positionByHost(
        _ host: Span<UInt8>, _ path: Span<UInt8>, _ holds: (HeaderCondition) -> Bool
    ) -> Int? {
        guard !host.isEmpty else { return nil }
        if let range = rules(of: host, in: names), let position = match(range, path, holds) { return position }
        guard !suffixes.isEmpty else { return nil }
        for start in 1..<host.count where host[start] == .period {
            if let range = rules(of: host.extracting(start..<host.count), in: suffixes),
                let position = match(range, path, holds)
            {
                return position
            }
        }
        return nil
    }

    private func rules(of host: Span<UInt8>, in list: [HostRules]) -> Range<Int>? {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = low + (high - low) / 2
            let order = compare(host, to: list[middle].host)
            if order == 0 { return list[middle].rules }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return nil
    }

    /// Below, at or above zero, as in C, by length first; the request's host in lower case.
    private func compare(_ host: Span<UInt8>, to name: Range<Int>) -> Int {
        guard host.count == name.count else { return host.count - name.count }
        let text = text.span
        for index in 0..<host.count {
            let difference = Int(host[index].lowercased) - Int(text[name.lowerBound + index])
            if difference != 0 { return difference }
        }
        return 0
    }

    private func match(_ range: Range<Int>, _ path: Span<UInt8>, _ holds: (HeaderCondition) -> Bool) -> Int? {
        let list = rules.span
        for index in range where isBelow(list[index].prefix, path) {
            let rule = list[index]
            if rule.conditions.isEmpty || conditions[rule.conditions].allSatisfy(holds) { return rule.position }
        }
        return nil
    }

    private func isBelow(_ prefix: Range<Int>, _ path: Span<UInt8>) -> Bool {
        let count = prefix.count
        guard count > 0 else { return true }
        guard path.count >= count, path.count == count || path[count] == .slash else { return false }
        let text = text.span
        for index in 0..<count where path[index] != text[prefix.lowerBound + index] { return false }
        return true
    }

    /// Without the port, and without the dot that ends a name in full.
    private static func nameLength(_ host: Span<UInt8>) -> Int {
        let length = lengthWithoutPort(host)
        return length > 1 && host[length - 1] == .period ? length - 1 : length
    }

    private static func lengthWithoutPort(_ host: Span<UInt8>) -> Int {
        for index in stride(from: host.count - 1, through: 0, by: -1) {
            if host[index] == UInt8(ascii: ":") { return index }
            guard host[index].isDigit else { return host.count }
        }
        return host.count
    }

    private static func lengthWithoutQuery(_ path: Span<UInt8>) -> Int {
        for index in 0..<path.count where path[index] == UInt8(ascii: "?") { return index }
        return path.count
    }
}
