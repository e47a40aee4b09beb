/// What `Cache-Control` says about a file: the value of the first pattern that its path fits, or nothing.
///
/// ```swift
/// serving.cacheControl = "no-cache"
/// serving.cacheControl = ["assets/**": "public, max-age=31536000, immutable", "*.html": "no-cache"]
/// ```
/// In a pattern `*` is any part of a name and `**` any part of a path. One without a slash is about the file's name,
/// one with about its path beneath the folder.
public struct CachePolicy: Sendable, ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
    private var rules: [(pattern: [UInt8], value: String)] = []

    /// No field at all.
    public init() {}

    /// The same for all files.
    public init(_ value: String) { add("**/*", value) }

    public init(stringLiteral value: String) { self.init(value) }

    public init(dictionaryLiteral rules: (String, String)...) {
        for (pattern, value) in rules { add(pattern, value) }
    }

    /// A rule after those there are.
    public mutating func add(_ pattern: String, _ value: String) {
        rules.append((Array((pattern.hasPrefix("/") ? pattern.dropFirst() : pattern[...]).utf8), value))
    }

    var values: [String] { rules.map(\.value) }

    /// For a file by its path beneath the folder, without a slash before it.
    func value(for path: String) -> String? {
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
