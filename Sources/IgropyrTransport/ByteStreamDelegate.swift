/// What a ``ByteStream`` tells its owner, on the loop.
public protocol ByteStreamDelegate: AnyObject {
    /// Bytes arrived; they are lent for the length of the call.
    func streamDidRead(_ bytes: RawSpan)
    /// The peer will send no more; it may still read.
    func streamDidEnd()
    /// All that was written is with the kernel again, after some had to be queued.
    func streamDidDrain()
    /// The connection is broken and already closed; nothing else is called.
    func streamDidFail(_ error: TransportError)
    /// TLS is agreed on, and with it ``ByteStream/negotiatedProtocol``; comes before the first bytes. Not called for a
    /// stream without TLS.
    func streamDidFinishHandshake()
    /// The peer speaks plain HTTP to a server that shows a certificate: the stream is now plain, too. Returns whether
    /// the owner tells it so and closes; if not, the stream fails.
    func streamDidReceivePlainHTTP() -> Bool
}

extension ByteStreamDelegate {
    public func streamDidFinishHandshake() {}
    public func streamDidReceivePlainHTTP() -> Bool { false }
}
