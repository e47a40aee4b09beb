@testable import Igropyr
import IgropyrHTTP
@testable import IgropyrSites
@testable import IgropyrText

/// Which file a path of a site is, and which rules are for it: a pattern, then in the next line the path.
enum PathTarget: FuzzTarget {
    static let name = "path"

    static func run(_ input: [UInt8]) {
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let pattern = String(decoding: lines[0], as: UTF8.self)
        let path = Array(lines.count > 1 ? lines[1] : [])
        checkPattern(pattern, Array(String(decoding: path, as: UTF8.self).utf8))
        guard let segments = try? PathSegments.decode(0..<path.count, in: path.span.bytes) else { return }
        if let file = FilePath(ofSite: segments) { check(file) }
        if let file = FilePath(segments, servesDotfiles: false) {
            check(file)
            require(!file.hasDotfile, "a file that is hidden is served")
        }
        if let glob = try? PathGlob("/" + pattern) { check(glob, "/" + pattern, segments) }
    }

    /// Never out of its folder.
    private static func check(_ file: FilePath) {
        require(file.depth == file.text.pathNames.count - 1)
        guard !file.text.isEmpty else { return }
        for name in file.text.pathNames {
            require(!name.isEmpty && name != "." && name != "..", "a path leads elsewhere")
            require(name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") })
        }
    }

    private static func checkPattern(_ text: String, _ path: [UInt8]) {
        var patterns = FilePatterns<Bool>()
        patterns.add(text, true)
        let isFound = patterns.value(for: String(decoding: path, as: UTF8.self)) != nil
        let pattern = Array((text.utf8.first == UInt8(ascii: "/") ? text.utf8.dropFirst() : text.utf8[...]))
        let isOfPath = pattern.contains(UInt8(ascii: "/"))
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path[...]
        var search = Search(pattern: pattern, text: isOfPath ? path : Array(name))
        require(isFound == search.fits(0, 0), "a pattern fits by one way of searching only")
    }

    /// The rules of ``FilePatterns`` once more, slow and simple.
    private struct Search {
        let pattern: [UInt8]
        let text: [UInt8]
        private var known: [Int: Bool] = [:]

        init(pattern: [UInt8], text: [UInt8]) {
            self.pattern = pattern
            self.text = text
        }

        mutating func fits(_ place: Int, _ start: Int) -> Bool {
            let key = place * (text.count + 1) + start
            if let answer = known[key] { return answer }
            let answer = look(place, start)
            known[key] = answer
            return answer
        }

        private mutating func look(_ place: Int, _ start: Int) -> Bool {
            let (star, slash) = (UInt8(ascii: "*"), UInt8(ascii: "/"))
            guard place < pattern.count else { return start == text.count }
            guard pattern[place] == star else {
                return start < text.count && text[start] == pattern[place] && fits(place + 1, start + 1)
            }
            guard place + 1 < pattern.count, pattern[place + 1] == star else {
                if fits(place + 1, start) { return true }
                return start < text.count && text[start] != slash && fits(place, start + 1)
            }
            if place + 2 < pattern.count, pattern[place + 2] == slash, fits(place + 3, start) { return true }
            if place + 2 >= pattern.count || pattern[place + 2] != slash { return anyEnd(place + 2, start) }
            return (start..<text.count).contains { text[$0] == slash && fits(place + 3, $0 + 1) }
        }

        private mutating func anyEnd(_ place: Int, _ start: Int) -> Bool {
            (start...text.count).contains { fits(place, $0) }
        }
    }

    /// What the stars stand for, in their places, is the path.
    private static func check(_ glob: PathGlob, _ pattern: String, _ segments: [String]) {
        guard let parts = glob.match(segments) else { return }
        require(parts.count == glob.stars)
        var written = pattern.utf8.dropFirst().split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        var left = parts[...]
        if pattern.hasSuffix("**") { written.removeLast() }
        var path: [UInt8] = Array(written.removeFirst())
        for literal in written { path += Array(left.popFirst()?.utf8 ?? "".utf8) + literal }
        require(left.isEmpty)
        let expected = segments.joined(separator: "/")
        let found = String(decoding: path, as: UTF8.self)
        // `/**` may stand for nothing.
        require(found == expected || found == expected + "/", "the stars stand for something else")
    }
}
