/// A request's or response's head: where its parts are, and what they mean for the message's framing.
///
/// A value without references. Its ranges count from the first byte of what the head's event consumed and stay valid
/// for as long as the caller keeps those ``byteCount`` bytes, here or in a copy. Every byte among them was checked;
/// fields that HTTP itself does not need are found only when asked for (``forEachField(in:_:)``, ``value(of:in:)``).
@frozen public struct MessageHead: BitwiseCopyable, Sendable {
    /// How the end of the body is found (RFC 9112 §6.3).
    @frozen public enum Framing: BitwiseCopyable, Sendable, Hashable {
        case none
        /// That many bytes; at most 2⁶³ − 1, and 0 where the peer said so.
        case length(UInt64)
        /// A length that only the end tells; in HTTP/2, where frames do that, any length that is not announced.
        case chunked
        /// Until the peer closes: some responses, and whatever follows a 101 or a 2xx to CONNECT.
        case untilClose
    }

    @frozen public enum Version: BitwiseCopyable, Sendable, Hashable {
        case http10, http11, http2

        /// As `Via` has it (RFC 9110 §7.6.3).
        public var number: String {
            switch self {
            case .http10: "1.0"
            case .http11: "1.1"
            case .http2: "2"
            }
        }
    }

    /// The four forms of a request target (RFC 9112 §3.2).
    @frozen public enum TargetForm: BitwiseCopyable, Sendable, Hashable {
        /// `/path?query`
        case origin
        /// `http://authority/path?query`
        case absolute
        /// `host:port`, with CONNECT only.
        case authority
        /// `*`, with OPTIONS only.
        case asterisk
    }

    @usableFromInline var methodRange = ByteRange.absent
    @usableFromInline var targetRange = ByteRange.absent
    @usableFromInline var pathRange = ByteRange.absent
    @usableFromInline var queryRange = ByteRange.absent
    @usableFromInline var authorityRange = ByteRange.absent
    @usableFromInline var hostRange = ByteRange.absent
    @usableFromInline var reasonRange = ByteRange.absent
    @usableFromInline var upgradeRange = ByteRange.absent
    @usableFromInline var fieldsRange = ByteRange.absent
    @usableFromInline var statusCode: UInt16 = 0
    /// ``HTTPLimits`` hold it below 2¹⁶.
    @usableFromInline var fieldLines: UInt16 = 0

    public internal(set) var method = HTTPMethod.other
    public internal(set) var targetForm = TargetForm.origin
    public internal(set) var version = Version.http11
    public internal(set) var framing = Framing.none
    /// What `Content-Length` says, also where no body follows: in the answer to HEAD or in a 304.
    public internal(set) var contentLength: UInt64?
    /// Whether the connection can be used again after this message, as far as its sender is concerned.
    public internal(set) var keepAlive = true
    /// Whether the client waits for a 100 before it sends the body; never in HTTP/1.0.
    public internal(set) var expectContinue = false
    /// Whether a response has a `Date`: a proxy adds one to those without (RFC 9110 §6.6.1).
    public internal(set) var hasDate = false
    /// Whether `Connection` lists something else than `close`, `keep-alive` and `upgrade`: fields that a proxy must
    /// drop.
    public internal(set) var hasConnectionFields = false
    var connectionListsClose = false
    var connectionListsKeepAlive = false
    var connectionListsUpgrade = false

    /// The bytes of the head, with the empty line after it and the one tolerated before it.
    @inlinable public var byteCount: Int { Int(fieldsRange.end) + 2 }
    /// Field lines in the head.
    @inlinable public var fieldCount: Int { Int(fieldLines) }
    /// 100…999; 0 in a request.
    @inlinable public var status: Int { Int(statusCode) }
    /// Whether another head follows that answers the same request: any 1xx but 101.
    @inlinable public var isInterim: Bool { statusCode >= 100 && statusCode < 200 && statusCode != 101 }
    /// The method's token.
    @inlinable public var methodName: Range<Int> { methodRange.range }
    /// The request target as sent.
    @inlinable public var target: Range<Int> { targetRange.range }
    /// From the first slash to the `?` or the end; empty in an absolute form without path (which means `/`), in the
    /// authority form and in a response; `*` in the asterisk form.
    @inlinable public var path: Range<Int> { pathRange.range }
    /// What follows the first `?`; nil without one.
    @inlinable public var query: Range<Int>? { queryRange.ifPresent }
    /// Host and port that the request is for: the target's own, which overrides `Host`, or `Host`. Nil in HTTP/1.0
    /// without.
    @inlinable public var authority: Range<Int>? { authorityRange.ifPresent ?? hostRange.ifPresent }
    /// The value of `Host`; a proxy must replace it by ``authority`` when the target has an absolute form.
    @inlinable public var host: Range<Int>? { hostRange.ifPresent }
    /// A response's reason phrase; maybe empty.
    @inlinable public var reason: Range<Int> { reasonRange.range }
    /// The first `Upgrade` field, if `Connection` lists it as it must and the version is HTTP/1.1; in HTTP/2 what an
    /// extended CONNECT asks for.
    @inlinable public var upgrade: Range<Int>? { upgradeRange.ifPresent }
    /// All field lines, each with its CR LF.
    @inlinable public var fields: Range<Int> { fieldsRange.range }
}
