/// What `Cache-Control` says about a file: the value of the first pattern that its path fits, or nothing.
///
/// ```swift
/// serving.cacheControl = "no-cache"
/// serving.cacheControl = ["assets/**": "public, max-age=31536000, immutable", "*.html": "no-cache"]
/// ```
/// In a pattern `*` is any part of a name and `**` any part of a path. One without a slash is about the file's name,
/// one with about its path beneath the folder.
public struct CachePolicy: Sendable, ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
    private var rules = FilePatterns<String>()

    /// No field at all.
    public init() {}

    /// The same for all files.
    public init(_ value: String) { add("**/*", value) }

    public init(stringLiteral value: String) { self.init(value) }

    public init(dictionaryLiteral rules: (String, String)...) {
        for (pattern, value) in rules { add(pattern, value) }
    }

    /// A rule after those there are.
    public mutating func add(_ pattern: String, _ value: String) { rules.add(pattern, value) }

    var values: [String] { rules.values }

    /// For a file by its path beneath the folder, without a slash before it.
    func value(for path: String) -> String? { rules.value(for: path) }
}
