/// What bounds each HTTP/2 connection of a server, besides ``HTTPServerSettings``; the defaults suit a public server.
/// To a client's connection applies what it says of streams, windows, high water and queued frames, with the roles
/// changed.
public struct HTTP2Settings: Sendable, Hashable {
    /// Whether HTTP/2 is spoken: under TLS with clients that ask for `h2` by ALPN, on plain connections with those that
    /// begin with its preface ("prior knowledge", RFC 9113 §3.3). If not, such a client is answered 400.
    public var isEnabled = true
    /// Whether clients are told that they may ask for WebSockets (RFC 8441): for a server that has some. Without, such
    /// a request is answered 400.
    public var allowsExtendedConnect = false
    /// Requests of one connection at a time. A further one is refused (`REFUSED_STREAM`); by a client that has
    /// acknowledged the limit it ends the connection.
    public var concurrentStreams = 128
    /// How much of one request's body a client may send ahead of the handler; at least 65 535, where HTTP/2 starts. A
    /// handler that has taken that much is likely to take more: from then on it is half of ``connectionWindowBytes``,
    /// if that is more. The path to the client can hold as much as that for each round trip, and no more.
    public var streamWindowBytes = 64 << 10
    /// The same for all bodies of a connection together: what they can make the server hold. At least 65 535.
    ///
    /// A client lets a server go on with others while the reader of one is slow: one connection can make it hold
    /// ``streamWindowBytes`` for each of ``concurrentStreams``, and as much again in those streams that got more at a
    /// time.
    public var connectionWindowBytes = 1 << 20
    /// Bytes of one response queued at which its handler should wait for the client; those of all of a connection are
    /// bounded by ``HTTPServerSettings/highWaterBytes``, beyond which each may still queue one piece.
    public var streamHighWaterBytes = 64 << 10
    /// Frames that may wait for a client that does not take them; then nothing more is read from it. That many
    /// acknowledgements (of PING and SETTINGS) made by one read end the connection.
    public var queuedFrames = 1000
    /// Streams that a client may reset, or make the server reset by breaking the rules ("rapid reset"): so many at once
    /// and so many each second. More ends the connection with `ENHANCE_YOUR_CALM`.
    public var resets = 200
    public var resetsPerSecond = 20
    /// Bytes that a client may have the server read and do nothing for any request: so many at once and so many each
    /// second. A frame that carries neither a head nor a part of a body (an empty DATA frame, PING, SETTINGS,
    /// CONTINUATION, …) counts 256 more than it has; each request and all DATA that the client
    /// takes earn some. More ends the connection with `ENHANCE_YOUR_CALM`.
    public var overheadBytes = 1 << 20
    public var overheadBytesPerSecond = 64 << 10

    public init() {}

    /// Of a stream of whose body a first window was taken.
    var wideWindowBytes: Int { max(streamWindowBytes, connectionWindowBytes / 2) }

    /// How many streams may have so much, where nothing else bounds their sum.
    var wideStreams: Int { concurrentStreams * streamWindowBytes / wideWindowBytes }
}
