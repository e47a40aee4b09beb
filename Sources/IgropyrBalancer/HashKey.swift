import IgropyrHTTP
import IgropyrHashing
import IgropyrUV

/// Which part of a request decides about its worker: the same key goes to the same worker.
///
/// A request without the header field or the cookie, or with an empty one, goes by its path. Nothing is decoded or
/// normalised: `/a` and `/%61` are two keys.
public enum HashKey: Sendable, Hashable {
    /// The path without the query.
    case path
    /// The path with the query.
    case uri
    /// The client's address, without its port.
    case source
    /// The first field of that name.
    case header(String)
    /// The first cookie of that name (RFC 6265 §4.2); its case counts.
    case cookie(String)

    /// A text that names no key.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        public var text: String

        public var description: String {
            "\"\(text.prefix(80))\" is not a hash key: use path, uri, source, header:NAME or cookie:NAME"
        }
    }

    /// Reads `path`, `uri`, `source`, `header:NAME` or `cookie:NAME`.
    public init(parsing text: String) throws(Invalid) {
        switch text {
        case "path": self = .path
        case "uri": self = .uri
        case "source": self = .source
        default:
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Self.isToken(parts[1]) else { throw Invalid(text: text) }
            switch parts[0] {
            case "header": self = .header(String(parts[1]))
            case "cookie": self = .cookie(String(parts[1]))
            default: throw Invalid(text: text)
            }
        }
    }

    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= 256
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// The hash of a request's key; allocates nothing.
    func hash(_ head: MessageHead, _ bytes: RawSpan, source: SocketAddress?) -> UInt64 {
        switch self {
        case .path: return Self.hashPath(head, bytes)
        case .uri:
            let end = head.query?.upperBound ?? head.path.upperBound
            return XXH64.hash(bytes.extracting(head.path.lowerBound..<end))
        case .source:
            guard let source else { return Self.hashPath(head, bytes) }
            return Self.hash(source.host)
        case .header(let name):
            guard let value = head.value(of: name, in: bytes), !value.isEmpty else {
                return Self.hashPath(head, bytes)
            }
            return XXH64.hash(bytes.extracting(value))
        case .cookie(let name):
            guard let value = Self.cookie(name, head, bytes), !value.isEmpty else {
                return Self.hashPath(head, bytes)
            }
            return XXH64.hash(bytes.extracting(value))
        }
    }

    private static func hashPath(_ head: MessageHead, _ bytes: RawSpan) -> UInt64 {
        head.path.isEmpty ? XXH64.hash("/") : XXH64.hash(bytes.extracting(head.path))
    }

    private static func hash(_ host: SocketAddress.Host) -> UInt64 {
        var bytes = InlineArray<20, UInt8>(repeating: 0)
        switch host {
        case .v4(let a, let b, let c, let d): (bytes[0], bytes[1], bytes[2], bytes[3]) = (a, b, c, d)
        case .v6(let high, let low, let zone):
            for index in 0..<8 {
                bytes[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                bytes[8 + index] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
            for index in 0..<4 { bytes[16 + index] = UInt8(truncatingIfNeeded: zone >> UInt32(24 - 8 * index)) }
        }
        return XXH64.hash(bytes.span)
    }

    private static func cookie(_ name: String, _ head: MessageHead, _ bytes: RawSpan) -> Range<Int>? {
        let text = Span<UInt8>(_bytes: bytes)
        var fields = FieldIterator(head.fields)
        while let field = fields.next(in: bytes) {
            guard field.name.count == 6, bytes.matches("cookie", in: field.name) else { continue }
            var start = field.value.lowerBound
            while start < field.value.upperBound {
                let end = text.first(UInt8(ascii: ";"), in: start..<field.value.upperBound) ?? field.value.upperBound
                if let value = Self.value(of: name, in: start..<end, text) { return value }
                start = end + 1
            }
        }
        return nil
    }

    /// The value in `name=value`, spaces before it aside; nil if the pair has another name.
    private static func value(of name: String, in pair: Range<Int>, _ text: Span<UInt8>) -> Range<Int>? {
        var offset = pair.lowerBound
        while offset < pair.upperBound, text[offset] == UInt8(ascii: " ") { offset += 1 }
        for byte in name.utf8 {
            guard offset < pair.upperBound, text[offset] == byte else { return nil }
            offset += 1
        }
        guard offset < pair.upperBound, text[offset] == UInt8(ascii: "=") else { return nil }
        return offset + 1..<pair.upperBound
    }
}

extension Span<UInt8> {
    fileprivate func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        for offset in range where self[offset] == byte { return offset }
        return nil
    }
}
