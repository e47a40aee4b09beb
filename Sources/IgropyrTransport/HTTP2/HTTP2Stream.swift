internal import IgropyrHTTP

/// What an HTTP/2 session and its connection know of a stream, at either end: what it has to send, and what it is told.
class HTTP2Stream {
    /// 0 for a client's that was not begun.
    final var id: Int32
    /// Its place among the connection's streams.
    final var index = 0
    /// Of a body, not sent yet.
    final var body = ByteQueue()
    /// What follows the body; nil for none.
    final var trailers: HTTP2FieldBlock?
    /// Of the peer's body, until its first window was taken.
    final var takenBytes = 0
    /// The peer may send more of its body ahead than at first.
    final var hasWideWindow = false

    init(id: Int32 = 0) { self.id = id }

    /// Whether nothing is added to ``body`` any more.
    var isSendingEnded: Bool { true }
    /// Whether what comes next is the head of a response; a request's comes before there is a stream.
    var awaitsHead: Bool { false }

    func bodyDidArrive(_ bytes: RawSpan) {}
    func trailersDidArrive(_ trailers: TrailerFields) {}
    /// The peer has sent all.
    func messageDidEnd() {}
    /// `count` bytes of the body went into a frame.
    func didSend(_ count: Int) {}
    /// The last frame is on its way.
    func sendingDidEnd() {}
    /// All that there was to send is on its way, and more may follow.
    func didDrain() {}
    /// Nothing more comes or goes. `code` says why (RFC 9113 §7); nil if the whole connection has ended.
    func didClose(_ code: UInt32?) {}
}
