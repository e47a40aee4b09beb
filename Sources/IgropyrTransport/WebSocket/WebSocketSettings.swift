/// What bounds a WebSocket, and how it is kept alive. The defaults suit a public server.
public struct WebSocketSettings: Sendable {
    /// Bytes of one message, expanded if it came compressed; a larger one closes the WebSocket with 1009.
    public var messageBytes = 1 << 20
    /// Bytes of messages held for who has not asked for them yet; beyond, the peer has to wait. At least one message is
    /// held, whatever it has.
    public var heldBytes = 64 << 10
    /// After so long without a byte from the peer it is asked for a sign of life, which also keeps proxies from closing
    /// the connection; as long again without, and the connection is cut. Nil: never.
    public var pingInterval: Duration? = .seconds(20)
    /// How long a client waits for the connection, and then for the server's answer; a server does not look at it.
    public var openTimeout = Duration.seconds(10)
    /// How long the peer may take to answer a close frame; then the connection is cut.
    public var closeTimeout = Duration.seconds(5)
    /// Whether messages may be compressed, if the peer knows how (`permessage-deflate`, RFC 7692).
    public var allowsCompression = true
    /// Smaller messages go out as they are.
    public var minimumCompressedBytes = 256
    /// The subprotocols that are spoken, by their names in `Sec-WebSocket-Protocol`, the best first.
    public var subprotocols: [String] = []
    /// Which pages of the web may open a WebSocket here.
    public var origins = Origins.sameHost

    public init() {}

    /// Browsers say by `Origin` where a page is from, and send the user's cookies along whatever that is: a server that
    /// did not look would let any page act for the user. Other clients mostly send no `Origin`, and are not concerned.
    public enum Origins: Sendable, Hashable {
        /// Pages of the host that the request is for.
        case sameHost
        /// These, such as `https://example.org`; with the port, unless it is the scheme's own.
        case these(Set<String>)
        case any
    }
}
