/// A message that breaks the rules of HTTP/1.1 or a limit. Answer with ``status``, then close: where the next message
/// starts is unknown. On the client side any of them makes the response unusable and the connection unfit for reuse.
public enum HTTPError: UInt8, Error, Hashable, Sendable, CaseIterable {
    // MARK: Lines

    /// A line feed without its carriage return, which parsers disagree about (RFC 9112 §2.2).
    case bareLineFeed
    /// A carriage return that no line feed follows (RFC 9112 §2.2).
    case bareCarriageReturn
    /// More than the one empty line that is tolerated before a request, or any before a response (RFC 9112 §2.2).
    case unexpectedEmptyLine
    /// NUL or another control character, but for the tab, in a field value or a reason phrase (RFC 9110 §5.5).
    case controlCharacter

    // MARK: Start lines

    /// The method is empty or no token.
    case invalidMethod
    /// Longer than any method known.
    case methodTooLong
    /// The parts of the request line are not separated by exactly one space, or something follows the version.
    case invalidRequestLine
    /// A byte outside visible ASCII, a fragment, or none of the four forms (RFC 9112 §3.2).
    case invalidTarget
    case targetTooLong
    /// Not `HTTP/` digit `.` digit, in capitals (RFC 9112 §2.3).
    case invalidVersion
    /// Neither HTTP/1.0 nor HTTP/1.1.
    case unsupportedVersion
    /// Not three digits of 100 or more, or something else than a space and a reason after them.
    case invalidStatusLine
    /// Bytes of a response that no request asked for: a sign of response splitting upstream.
    case unsolicitedResponse

    // MARK: Fields

    /// A field line that starts with white space: line folding, or white space before the first field (RFC 9112 §5.2).
    case lineFolding
    /// The name is empty or no token.
    case invalidFieldName
    /// White space between name and colon, the classic of request smuggling (RFC 9112 §5.1).
    case spaceBeforeColon
    /// The head, request line included, exceeds ``HTTPLimits/headBytes``.
    case headTooLong
    /// More fields than ``HTTPLimits/fields``.
    case tooManyFields
    /// No `Host` in HTTP/1.1 (RFC 9112 §3.2).
    case missingHost
    case duplicateHost
    /// Empty, or no `uri-host [":" port]`.
    case invalidHost
    /// No list of tokens, or it names a field that frames or routes the message.
    case invalidConnection
    /// `Expect` with anything but `100-continue`.
    case unsupportedExpectation

    /// A pseudo-field of HTTP/2 that is unknown, repeated, out of place, empty or missing (RFC 9113 §8.3).
    case invalidPseudoField
    /// A field of HTTP/1.1's connections in HTTP/2: `Connection`, `Transfer-Encoding` and their kin (RFC 9113 §8.2.2).
    case connectionSpecificField

    // MARK: Framing

    /// Both `Transfer-Encoding` and `Content-Length`: a sign of smuggling (RFC 9112 §6.3).
    case ambiguousLength
    /// More than one `Content-Length`, even with equal values; a list counts as ``invalidContentLength``.
    case duplicateContentLength
    /// Anything but digits.
    case invalidContentLength
    /// More than 2⁶³ − 1.
    case contentLengthTooLarge
    /// No list of plain tokens.
    case invalidTransferEncoding
    /// `chunked` is not the last coding, or comes twice (RFC 9112 §6.1).
    case misplacedChunked
    /// A coding other than `chunked`.
    case unsupportedTransferCoding
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 §6.1).
    case transferEncodingInHTTP10
    /// No hexadecimal digits before the end of the line or the `;`.
    case invalidChunkSize
    case chunkSizeTooLarge
    /// The line of a chunk's size exceeds ``HTTPLimits/chunkLineBytes``.
    case chunkLineTooLong
    /// Not `;` name [`=` token or quoted string] (RFC 9112 §7.1.1).
    case invalidChunkExtension
    /// All extensions of a message exceed ``HTTPLimits/chunkExtensionBytes``.
    case tooManyChunkExtensions
    /// The chunk's data is not followed by CR LF.
    case invalidChunkEnd
    /// A field in the trailers that would change framing, routing or meaning (RFC 9110 §6.5.1).
    case forbiddenTrailer
    case trailersTooLong
    /// The peer closed in the middle of a message.
    case truncated

    // MARK: Targets

    /// A `%` without two hexadecimal digits, or `%00`.
    case invalidPercentEncoding
    /// A segment `.` or `..`, escaped or not; see ``PathSegments``.
    case dotSegment
    /// More pairs than ``QueryPair/maximumCount``.
    case queryTooLong

    /// The status code to answer a request with: 400, 413, 414, 417, 431, 501 or 505.
    public var status: Int {
        switch self {
        case .contentLengthTooLarge, .chunkSizeTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedExpectation: 417
        case .headTooLong, .tooManyFields, .trailersTooLong: 431
        case .methodTooLong, .unsupportedTransferCoding: 501
        case .unsupportedVersion: 505
        case .bareLineFeed, .bareCarriageReturn, .unexpectedEmptyLine, .controlCharacter, .invalidMethod,
            .invalidRequestLine, .invalidTarget, .invalidVersion, .invalidStatusLine, .unsolicitedResponse,
            .lineFolding,
            .invalidFieldName, .spaceBeforeColon, .missingHost, .duplicateHost, .invalidHost, .invalidConnection,
            .invalidPseudoField, .connectionSpecificField,
            .ambiguousLength, .duplicateContentLength, .invalidContentLength, .invalidTransferEncoding,
            .misplacedChunked, .transferEncodingInHTTP10, .invalidChunkSize, .chunkLineTooLong, .invalidChunkExtension,
            .tooManyChunkExtensions, .invalidChunkEnd, .forbiddenTrailer, .truncated, .invalidPercentEncoding,
            .dotSegment, .queryTooLong:
            400
        }
    }
}
