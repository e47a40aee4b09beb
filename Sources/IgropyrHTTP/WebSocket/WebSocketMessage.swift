/// What the two ends of a WebSocket say to each other.
public enum WebSocketMessage: Sendable, Hashable {
    case text(String)
    case binary([UInt8])

    /// - Throws: ``WebSocketError/invalidText``.
    public init(_ kind: WebSocketDecoder.Kind, _ bytes: [UInt8]) throws(WebSocketError) {
        switch kind {
        case .binary: self = .binary(bytes)
        case .text:
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidText }
            self = .text(text)
        }
    }
}

/// Why a WebSocket is closed (RFC 6455 §7.4).
public struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let normal = Self(rawValue: 1000)
    /// The server shuts down, or the browser leaves the page.
    public static let goingAway = Self(rawValue: 1001)
    public static let protocolError = Self(rawValue: 1002)
    public static let unsupportedData = Self(rawValue: 1003)
    /// The peer gave no code; never sent.
    public static let noStatus = Self(rawValue: 1005)
    /// The connection broke without a word; never sent.
    public static let abnormal = Self(rawValue: 1006)
    public static let invalidPayload = Self(rawValue: 1007)
    public static let policyViolation = Self(rawValue: 1008)
    public static let messageTooBig = Self(rawValue: 1009)
    public static let internalError = Self(rawValue: 1011)
    public static let tryAgainLater = Self(rawValue: 1013)

    /// Whether a close frame may carry it: those of the standard that are meant to be sent, and 3000 to 4999, which are
    /// for libraries and applications.
    public var isSendable: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// A peer that breaks the rules of WebSocket or a limit. Send ``closeCode``, then close: where the next frame starts is
/// unknown.
public enum WebSocketError: Error, Hashable, Sendable, CaseIterable {
    /// A bit that no agreed extension gives a meaning (RFC 6455 §5.2).
    case reservedBit
    case unknownOpcode
    /// A client must mask its frames (RFC 6455 §5.1).
    case unmaskedFrame
    /// A server must not (RFC 6455 §5.1).
    case maskedFrame
    /// A control frame in several parts, or with more than 125 bytes (RFC 6455 §5.5).
    case invalidControlFrame
    /// Not in the shortest form, or above 2⁶³ − 1 (RFC 6455 §5.2).
    case invalidLength
    /// A continuation of nothing.
    case unexpectedContinuation
    /// A message begins before the last one has ended.
    case interruptedMessage
    case messageTooLarge
    /// A text that is no UTF-8.
    case invalidText
    /// A close frame with a single byte, a code that may not be sent or a reason that is no UTF-8 (RFC 6455 §5.5.1).
    case invalidClose
    /// A compressed message that cannot be expanded (RFC 7692 §7.2.2).
    case invalidCompression

    public var closeCode: WebSocketCloseCode {
        switch self {
        case .reservedBit, .unknownOpcode, .unmaskedFrame, .maskedFrame, .invalidControlFrame, .invalidLength,
            .unexpectedContinuation, .interruptedMessage, .invalidClose:
            .protocolError
        case .messageTooLarge: .messageTooBig
        case .invalidText, .invalidCompression: .invalidPayload
        }
    }
}
