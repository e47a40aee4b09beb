/// The body of a 206 with several parts, `multipart/byteranges` (RFC 9110 §14.6): what stands between the parts' bytes.
public struct MultipartByteRanges: Sendable {
    public let parts: [Range<Int>]
    private let heads: [String]
    private let end: String
    private let boundary: String

    /// `size`, in bytes, and `contentType` are the whole representation's; `boundary` is 1…70 letters and digits that
    /// are not to be foreseen, so that no content can contain them.
    public init(_ parts: [Range<Int>], size: Int, contentType: String?, boundary: String) {
        self.parts = parts
        self.boundary = boundary
        heads = parts.enumerated().map { index, part in
            let start = "\(index == 0 ? "" : "\r\n")--\(boundary)\r\n"
            let type = contentType.map { "Content-Type: \($0)\r\n" } ?? ""
            return start + type + "Content-Range: \(Self.contentRange(part, size: size))\r\n\r\n"
        }
        end = "\r\n--\(boundary)--\r\n"
    }

    /// Of the response as a whole.
    public var contentType: String { "multipart/byteranges; boundary=\(boundary)" }

    /// Of the whole body, in bytes.
    public var byteCount: Int {
        zip(heads, parts).reduce(end.utf8.count) { $0 + $1.0.utf8.count + $1.1.count }
    }

    /// The parts, each with what precedes it.
    public var sections: [(head: String, range: Range<Int>)] { Array(zip(heads, parts)) }

    /// What follows the last part.
    public var closing: String { end }

    /// The value of `Content-Range` for one part, which has at least one byte (RFC 9110 §14.4).
    public static func contentRange(_ part: Range<Int>, size: Int) -> String {
        "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
    }

    /// The value of `Content-Range` in a 416.
    public static func unsatisfiedRange(size: Int) -> String { "bytes */\(size)" }
}
