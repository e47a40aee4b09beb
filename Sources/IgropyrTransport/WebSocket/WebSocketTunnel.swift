public import IgropyrUV

/// What carries the frames of a WebSocket both ways: a connection in HTTP/1.1 after its upgrade, a stream in HTTP/2.
public protocol WebSocketTunnel: AnyObject {
    var loop: EventLoop { get }
    /// Whether the peer keeps up with what is sent; if not, ``WebSocketConnection/tunnelDidDrain()`` follows.
    var canWrite: Bool { get }
    func write(_ bytes: RawSpan)
    /// Leaves what the peer sends with it until ``resumeReading()``.
    func pauseReading()
    func resumeReading()
    /// Says, after all that was written, that nothing more comes.
    func endWriting()
    /// Cuts it at once. Nothing is called any more.
    func abort()
}
