/// The methods of RFC 9110 §9.3 and RFC 5789; any other token is ``other``, and the head has its bytes.
@frozen public enum HTTPMethod: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    /// The token on the wire; nil for ``other``.
    public var name: StaticString? {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: nil
        }
    }

    /// Whether a request may be repeated without doing more than once would (RFC 9110 §9.2.2).
    @inlinable public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .connect, .patch, .other: false
        }
    }

    /// The method that the token in `range` names; case counts.
    init(_ range: Range<Int>, in bytes: RawSpan) {
        var packed: UInt64 = 0
        guard range.count <= 7 else { self = .other; return }
        for offset in range { packed = packed << 8 | UInt64(bytes.byte(at: offset)) }
        self =
            switch packed {
            case 0x474554: .get
            case 0x48454144: .head
            case 0x504F5354: .post
            case 0x505554: .put
            case 0x44454C455445: .delete
            case 0x434F4E4E454354: .connect
            case 0x4F5054494F4E53: .options
            case 0x5452414345: .trace
            case 0x5041544348: .patch
            default: .other
            }
    }

    /// The method named by `token`; ``other`` for any that is not listed here.
    public init(_ token: String) {
        self = Self.allCases.first { $0.name.map { "\($0)" == token } ?? false } ?? .other
    }
}
