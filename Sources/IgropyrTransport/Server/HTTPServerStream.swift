public import IgropyrHTTP
public import IgropyrUV

/// One request and its response, as a handler in a server sees them, whatever the version of HTTP; stays on its loop.
///
/// In HTTP/1.1 the connection itself is that, for one request after the other; in HTTP/2 each request has its own.
/// A response is ``beginResponse(status:framing:)``, its fields, ``endHead()``, ``sendBody(_:)`` and
/// ``endResponse()``, maybe with interim responses before; what has no place (a body for HEAD, 204, 205 and
/// 304) is left out by itself. After ``HTTPServerExchange/clientDidAbort()`` all of these do nothing.
public protocol HTTPServerStream: AnyObject {
    var loop: EventLoop { get }
    /// Kept after the connection has ended.
    var peerAddress: SocketAddress? { get }
    /// The same as text without the port, made once for each connection that is asked.
    var peerHostText: String? { get }
    /// Nil once the connection has ended.
    var localAddress: SocketAddress? { get }
    /// Whether the client asks by https. A connection under a key that both ends hold is a proxy's, and says nothing
    /// about its client's.
    var isEncrypted: Bool { get }
    /// What ALPN agreed on, such as `http/1.1`; nil without TLS, and if the client offered nothing.
    var negotiatedProtocol: String? { get }
    /// What the client has shown and an authority of ``TLSConfiguration/clientCertificates`` has vouched for; nil for
    /// none.
    var clientCertificate: TLSPeerCertificate? { get }
    /// The name of the key that the client was issued and has proven to hold; nil where it needed none
    /// (``TLSContext/preSharedKeys(_:role:issuer:applicationProtocols:)``).
    var issuedKeyName: String? { get }

    /// Set by the handler while it answers; let go when the response and the request have ended.
    var exchange: (any HTTPServerExchange)? { get set }

    // MARK: Request

    /// Leaves the rest of the request's body with the client until ``resumeBody()``.
    func pauseBody()
    func resumeBody()

    // MARK: Response

    /// Writes the status and the fields that every response has; once for each request.
    ///
    /// `.chunked` is a body of unknown length, however the version frames it. A status without a body, and HEAD,
    /// suppress it; then `.length` still states what a GET would have got. A proxy passes on the origin's `Date`, with
    /// `addsDate` false.
    /// - Throws: `.invalidStatus`.
    func beginResponse(status: Int, framing: MessageHead.Framing, addsDate: Bool) throws(HTTPSerializer.Failure)
    /// Begins a response before the response, such as 103 (Early Hints, RFC 8297): its fields and ``endHead()`` follow.
    /// - Returns: false if it cannot go out, and is better left out: the client speaks HTTP/1.0 or does not take what
    ///   it is sent, or the response has begun.
    /// - Throws: `.invalidStatus` for anything but 102…199; 100 is sent by itself.
    func beginInterimResponse(status: Int) throws(HTTPSerializer.Failure) -> Bool
    /// Writes the status and fields that agree to the request for another protocol, in place of
    /// ``beginResponse(status:framing:addsDate:)``: 101 with `name` as `Upgrade`, in HTTP/2 200. From ``endHead()`` on
    /// bytes go both ways as they are, by ``sendBody(_:)`` until ``endResponse()`` and by
    /// ``HTTPServerExchange/requestBodyDidArrive(_:)``; the client's silence is no fault then.
    func beginTunnel(to name: String) throws(HTTPSerializer.Failure)
    /// - Throws: what would let the field break out of its line.
    func appendField(_ name: String, _ value: String) throws(HTTPSerializer.Failure)
    func appendField(name: RawSpan, value: RawSpan) throws(HTTPSerializer.Failure)
    /// Adds lines that a parser of ours has checked, such as ``FieldIterator/nextLines(in:keeping:)`` gives.
    func appendLines(_ lines: RawSpan) throws(HTTPSerializer.Failure)
    /// Takes back a head that was begun and not ended, such as one whose field was refused; another may be begun then.
    func withdrawHead()
    /// Ends the head; and the response, if nothing of a body is to come.
    func endHead()
    /// Whether the body of the response is one that is sent at all.
    var sendsBody: Bool { get }
    /// Sends a part of the body. Watch ``canWrite``: nothing here makes a handler wait.
    ///
    /// More than the announced length is a fault of the handler: the response is cut, so that the client sees it.
    func sendBody(_ bytes: RawSpan)
    /// Sends a part of a file, `count` bytes at most, as a part of a body of known length; see ``FileTransfer``.
    /// - Returns: the bytes sent, 0 if the client takes none now; nil if a file cannot go out by itself on this
    ///   connection: read it, then, and send it as any body.
    /// - Throws: that the socket is broken or the file cannot be read.
    func sendFilePart(_ file: Int32, offset: Int64, count: Int) throws(UVError) -> Int?
    /// Ends the response. One that is shorter than announced is a fault of the handler: it is cut. Idempotent.
    func endResponse()
    /// The same with fields after the body. They are left out where they have no place: in HTTP/1.0, behind a body
    /// whose length was announced, and without a body.
    func endResponse(trailers: TrailerFields)
    /// Whether the client keeps up with what is sent; if not, wait for ``HTTPServerExchange/responseDidDrain()``.
    var canWrite: Bool { get }
    /// Whether something waits for the client: ``HTTPServerExchange/responseDidDrain()`` will be called.
    var isWaitingForClient: Bool { get }
    /// Sends what was written so far at once, as for a stream of events.
    func flush()
    /// Cuts the response at once, and in HTTP/1.1 its connection: what was announced and not sent is visibly missing.
    func abort()
}

extension HTTPServerStream {
    /// As ``beginResponse(status:framing:addsDate:)``, with the present time as `Date`.
    public func beginResponse(status: Int, framing: MessageHead.Framing) throws(HTTPSerializer.Failure) {
        try beginResponse(status: status, framing: framing, addsDate: true)
    }
}
