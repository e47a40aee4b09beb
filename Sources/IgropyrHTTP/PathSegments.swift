/// The segments of a path, as they stand between its slashes.
///
/// What a path means is decided here once, for routes and files alike. Nothing is rewritten: `//` has an empty segment
/// between, a slash at the end leaves an empty last one, and both differ from the path without. `.` and `..`, escaped
/// or not, are refused rather than resolved: clients resolve them before they ask (RFC 3986 §5.2.4), and whoever does
/// not is probing. An escaped slash is data of its segment; who turns segments into file names must refuse it.
public struct PathSegments: Sendable {
    private var rest: Range<Int>?
    /// The empty range at the path's end.
    let end: Range<Int>

    /// - Parameter path: ``MessageHead/path``: empty, which means `/`, or beginning with a slash.
    public init(_ path: Range<Int>) {
        end = path.upperBound..<path.upperBound
        rest = path.isEmpty ? path : (path.lowerBound + 1)..<path.upperBound
    }

    /// The next segment, not decoded; `/` alone has one, which is empty.
    public mutating func next(in bytes: RawSpan) -> Range<Int>? {
        guard let rest else { return nil }
        let slash = bytes.firstOffset(of: UInt8(ascii: "/"), from: rest.lowerBound, to: rest.upperBound)
        self.rest = slash.map { ($0 + 1)..<rest.upperBound }
        return rest.lowerBound..<(slash ?? rest.upperBound)
    }

    /// What ``next(in:)`` has not given yet, slashes included; nil at the end.
    public var remainder: Range<Int>? { rest }

    /// Checks every escape of `path` and refuses dot segments; allocates nothing. Afterwards each segment decodes.
    public static func validate(_ path: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        var segments = PathSegments(path)
        while let segment = segments.next(in: bytes) { try validateSegment(segment, in: bytes) }
    }

    /// All segments, decoded.
    public static func decode(_ path: Range<Int>, in bytes: RawSpan) throws(HTTPError) -> [String] {
        var decoded: [String] = []
        var segments = PathSegments(path)
        while let segment = segments.next(in: bytes) {
            try validateSegment(segment, in: bytes)
            decoded.append(try PercentEncoding.decodeString(segment, in: bytes))
        }
        return decoded
    }

    /// Whether the part of a path after a slash stands for itself: no escape, no backslash, no name that begins with a
    /// dot, and none that is empty, but at its end.
    public static func isPlain(_ bytes: RawSpan) -> Bool {
        var isAtStart = true
        for offset in 0..<bytes.byteCount {
            let byte = bytes.byte(at: offset)
            if isAtStart, byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") { return false }
            if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\\") { return false }
            isAtStart = byte == UInt8(ascii: "/")
        }
        return true
    }

    private static func validateSegment(_ segment: Range<Int>, in bytes: RawSpan) throws(HTTPError) {
        var dots = 0
        var count = 0
        var offset = segment.lowerBound
        while offset < segment.upperBound {
            var byte = bytes.byte(at: offset)
            if byte == UInt8(ascii: "%") {
                byte = try PercentEncoding.escaped(at: offset, before: segment.upperBound, in: bytes)
                offset += 3
            } else {
                offset += 1
            }
            count += 1
            if byte == UInt8(ascii: ".") { dots += 1 }
        }
        guard count == 0 || count > 2 || dots < count else { throw .dotSegment }
    }
}
