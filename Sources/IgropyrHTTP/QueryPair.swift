/// A name and a value of a query, or of a form's body (`application/x-www-form-urlencoded`).
public struct QueryPair: Sendable, Hashable {
    public var name: String
    /// Empty also when there is no `=`.
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// More pairs are ``HTTPError/queryTooLong``.
    public static let maximumCount = 1000

    /// The pairs in `range`, separated by `&`, in their order; repeated names stay, empty pieces fall away.
    /// - Throws: `.invalidPercentEncoding` or `.queryTooLong`.
    public static func parse(_ range: Range<Int>, in bytes: RawSpan) throws(HTTPError) -> [QueryPair] {
        var pairs: [QueryPair] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let end = bytes.firstOffset(of: UInt8(ascii: "&"), from: start, to: range.upperBound) ?? range.upperBound
            if end > start {
                guard pairs.count < maximumCount else { throw .queryTooLong }
                pairs.append(try pair(start..<end, in: bytes))
            }
            start = end + 1
        }
        return pairs
    }

    private static func pair(_ range: Range<Int>, in bytes: RawSpan) throws(HTTPError) -> QueryPair {
        let equals = bytes.firstOffset(of: UInt8(ascii: "="), from: range.lowerBound, to: range.upperBound)
        let name = range.lowerBound..<(equals ?? range.upperBound)
        let value = (equals.map { $0 + 1 } ?? range.upperBound)..<range.upperBound
        return QueryPair(
            name: try PercentEncoding.decodeString(name, in: bytes, decodingPlus: true),
            value: try PercentEncoding.decodeString(value, in: bytes, decodingPlus: true))
    }
}
