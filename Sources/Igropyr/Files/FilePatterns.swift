/// Values for files by patterns, of which the first that fits counts. One without a slash is for the last name of a
/// path, others are for all of it; `*` is any part of a name, `**` crosses slashes, and `**/` may stand for nothing.
package struct FilePatterns<Value: Sendable>: Sendable {
    private var rules: [(pattern: [UInt8], value: Value)] = []

    package init() {}

    package var isEmpty: Bool { rules.isEmpty }
    package var values: [Value] { rules.map(\.value) }

    /// A rule after those there are. A slash before the pattern means nothing.
    package mutating func add(_ pattern: String, _ value: Value) {
        let bytes = Array(pattern.utf8)
        rules.append((bytes.first == UInt8(ascii: "/") ? Array(bytes.dropFirst()) : bytes, value))
    }

    package static func + (first: FilePatterns, rest: FilePatterns) -> FilePatterns {
        var all = first
        all.rules += rest.rules
        return all
    }

    /// For a path without a slash before it.
    package func value(for path: String) -> Value? {
        let path = Array(path.utf8)
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path[...]
        let rule = rules.first { rule in
            rule.pattern.contains(UInt8(ascii: "/"))
                ? Self.fits(path[...], rule.pattern) : Self.fits(name, rule.pattern)
        }
        return rule?.value
    }

    /// Goes through the pattern once and keeps which beginnings of `text` fit so far: no pattern makes it slow.
    private static func fits(_ text: ArraySlice<UInt8>, _ pattern: [UInt8]) -> Bool {
        let (star, slash) = (UInt8(ascii: "*"), UInt8(ascii: "/"))
        var fitting = [Bool](repeating: false, count: text.count + 1)
        fitting[0] = true
        var index = 0
        while index < pattern.count {
            if pattern[index] == star {
                let crosses = index + 1 < pattern.count && pattern[index + 1] == star
                index += crosses ? 2 : 1
                // `**/` may stand for nothing.
                let isFolder = crosses && index < pattern.count && pattern[index] == slash
                if isFolder { index += 1 }
                let before = fitting
                for (place, byte) in text.enumerated() where fitting[place] && (crosses || byte != slash) {
                    fitting[place + 1] = true
                }
                if isFolder {
                    for (place, byte) in text.enumerated() where byte != slash {
                        fitting[place + 1] = before[place + 1]
                    }
                }
            } else {
                for (place, byte) in text.enumerated().reversed() {
                    fitting[place + 1] = fitting[place] && byte == pattern[index]
                }
                fitting[0] = false
                index += 1
            }
        }
        return fitting[text.count]
    }
}
