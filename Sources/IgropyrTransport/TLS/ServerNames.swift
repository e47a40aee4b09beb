/// Which of several certificates stands for the server that a client asks for (RFC 6066 §3, RFC 9525 §6.3).
struct ServerNames: Sendable {
    private var exact: [String: Int] = [:]
    /// By what follows `*.`; the star stands for one label.
    private var wildcards: [String: Int] = [:]

    /// Notes that the certificate number `index` carries `names`. A name that another one carries stays with that one.
    /// - Returns: Such names.
    mutating func add(_ names: [String], index: Int) -> [String] {
        var taken: [String] = []
        for name in names {
            let name = Self.normal(name)
            if name.hasPrefix("*.") {
                let parent = String(name.dropFirst(2))
                if wildcards[parent, default: index] != index { taken.append(name) }
                wildcards[parent] = wildcards[parent] ?? index
            } else {
                if exact[name, default: index] != index { taken.append(name) }
                exact[name] = exact[name] ?? index
            }
        }
        return taken
    }

    func index(for name: String) -> Int? {
        let name = Self.normal(name)
        if let index = exact[name] { return index }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return wildcards[String(name[name.index(after: dot)...])]
    }

    /// Names compare without regard to case, and a dot at the end says nothing.
    private static func normal(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
