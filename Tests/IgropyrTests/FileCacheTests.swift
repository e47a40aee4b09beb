import IgropyrTime
import IgropyrUV
import Testing

@testable import Igropyr

@Suite struct FileCacheTests {
    /// What a file of `count` bytes costs.
    private static func cost(_ count: Int) -> Int { 1024 + count }

    private static func with(
        entries: Int = 1000, bytes: Int = 1 << 30, encodedBytes: Int = 1 << 20,
        _ body: (FileCache, (String) throws -> ServedFile) throws -> Void
    ) async throws {
        try await Site.with { site in
            var limits = FileCacheLimits()
            (limits.entries, limits.bytes, limits.encodedBytes) = (entries, bytes, encodedBytes)
            let folder = try Folder(site.path)
            try body(FileCache(limits)) { name in
                try site.write(name, String(repeating: "x", count: 100))
                guard case .file(let file) = try folder.open(beneath: name) else { throw UVError(code: -1, call: name) }
                return ServedFile(
                    file, bytes: try file.read(at: 0, count: file.size), path: name, coding: .identity, FileServing(),
                    now: .milliseconds(0), clock: 1_000_000_000)
            }
        }
    }

    private static func key(_ path: String) -> FileCache.Key { FileCache.Key(shelf: 1, path: path, coding: .identity) }

    @Test func `what was not asked for longest makes room`() async throws {
        try await Self.with(entries: 3) { cache, make in
            for name in ["a", "b", "c"] { cache.insert(try make(name), for: Self.key(name)) }
            #expect(cache.find(Self.key("a")) != nil)  // Now the newest.
            cache.insert(try make("d"), for: Self.key("d"))
            #expect(["a", "b", "c", "d"].map { cache.find(Self.key($0)) != nil } == [true, false, true, true])
            #expect(cache.count == 3 && cache.bytes == 3 * Self.cost(100))
        }
    }

    @Test func `bytes are bounded, results of compression among them`() async throws {
        try await Self.with(bytes: 3 * 1124) { cache, make in
            let files = try ["a", "b", "c"].map { ($0, try make($0)) }
            for (name, file) in files { cache.insert(file, for: Self.key(name)) }
            #expect(cache.count == 3)
            let encoded = [UInt8](repeating: 0, count: 1000)
            cache.keep(encoded, .gzip, of: files[2].1, for: Self.key("c"))
            #expect(files[2].1.encoded[.gzip] == encoded)
            #expect(cache.find(Self.key("a")) == nil && cache.count == 2)
            #expect(cache.bytes == 2 * Self.cost(100) + 1000)
        }
    }

    @Test func `what is too large for the cache, or no longer in it, is not kept`() async throws {
        try await Self.with(bytes: 2000, encodedBytes: 100) { cache, make in
            let (first, second) = (try make("a"), try make("b"))
            cache.insert(first, for: Self.key("a"))
            cache.keep([UInt8](repeating: 0, count: 101), .gzip, of: first, for: Self.key("a"))
            #expect(first.encoded.isEmpty)
            cache.insert(second, for: Self.key("a"))
            cache.keep([0], .gzip, of: first, for: Self.key("a"))
            #expect(first.encoded.isEmpty && cache.count == 1 && cache.bytes == Self.cost(100))
            cache.remove(Self.key("a"))
            cache.remove(Self.key("a"))
            #expect(cache.count == 0 && cache.bytes == 0)
        }
        try await Self.with(bytes: 1000) { cache, make in
            cache.insert(try make("a"), for: Self.key("a"))
            #expect(cache.count == 0 && cache.bytes == 0)
        }
    }

    @Test(arguments: [(0, false), (1, false), (2, true), (60, true), (-60, false)])
    func `a tag is strong once the file has been left alone for two seconds`(age: Int64, isStrong: Bool) async throws {
        try await Site.with { site in
            try site.write("a", "x", modified: 1_000_000_000)
            guard case .file(let file) = try Folder(site.path).open(beneath: "a") else {
                throw UVError(code: -1, call: "a")
            }
            let served = ServedFile(
                file, bytes: nil, path: "a", coding: .identity, FileServing(), now: .milliseconds(0),
                clock: 1_000_000_000 + age)
            #expect(served.validators.entityTag?.isWeak == !isStrong)
            #expect(served.validators.lastModified == HTTPDate(seconds: min(1_000_000_000, 1_000_000_000 + age)))
        }
    }

    @Test func `in any order of calls it stays within its bounds and loses nothing else`() async throws {
        try await Self.with(entries: 5) { cache, make in
            let names = (0..<12).map { "f\($0)" }
            let files = try names.map { try make($0) }
            var recent: [String] = []
            var number = 1
            for _ in 0..<5000 {
                number = number * 75 % 65_537
                let (place, action) = (number % 12, number / 12 % 4)
                let name = names[place]
                switch action {
                case 0:
                    cache.remove(Self.key(name))
                    recent.removeAll { $0 == name }
                case 1, 2:
                    cache.insert(files[place], for: Self.key(name))
                    recent = Array(([name] + recent.filter { $0 != name }).prefix(5))
                default:
                    let isThere = cache.find(Self.key(name)) != nil
                    try #require(isThere == recent.contains(name))
                    if isThere { recent = [name] + recent.filter { $0 != name } }
                }
                try #require(cache.count == recent.count)
            }
        }
    }
}

private let patterns: [(pattern: String, path: String, fits: Bool)] = [
    ("*.html", "index.html", true),
    ("*.html", "a/b/index.html", true),
    ("*.html", "index.htm", false),
    ("index.*", "a/index.html", true),
    ("index.html", "a/index.html", true),
    ("/index.html", "index.html", true),
    ("/\u{301}.html", "a/\u{301}.html", true),
    ("a/*", "a/b", true),
    ("a/*", "a/b/c", false),
    ("a/*", "b", false),
    ("*/b", "a/b", true),
    ("*/b", "x/a/b", false),
    ("a/**", "a/b/c", true),
    ("a/**", "ab", false),
    ("**/c", "c", true),
    ("**/c", "a/b/c", true),
    ("**/c", "abc", false),
    ("**/c", "a/bc", false),
    ("a/**/d", "a/d", true),
    ("a/**/d", "a/b/c/d", true),
    ("a/**/d", "a/bd", false),
    ("a**b/*", "a/x/b/c", true),
    ("*", "anything", true),
    ("a*b*c", "aXbYbc", true),
    ("a*b*c", "aXbY", false),
    ("**/*", "a", true),
    ("**/*", "a/b", true),
    ("", "a", false),
]

@Test(arguments: patterns.indices) func `a pattern is about the name, or with a slash about the path`(row: Int) {
    let (pattern, path, fits) = patterns[row]
    #expect((CachePolicy(dictionaryLiteral: (pattern, "x")).value(for: path) == "x") == fits, "\(pattern) \(path)")
}

@Test func `the first pattern that fits counts, and no pattern is slow`() {
    let policy: CachePolicy = ["*.js": "a", "**/*": "b", "*.css": "c"]
    #expect(policy.value(for: "x/y.js") == "a" && policy.value(for: "y.css") == "b")
    let hard = CachePolicy(dictionaryLiteral: (String(repeating: "**a", count: 40) + "/", "x"))
    #expect(hard.value(for: String(repeating: "a", count: 1000)) == nil)
    #expect(CachePolicy().value(for: "a") == nil && CachePolicy("z").value(for: "a/b") == "z")
}
