/// Who handles one request beyond its head: hears of its body and of what becomes of the client.
public protocol HTTPServerExchange: AnyObject {
    /// A part of the request's body; lent for the length of the call.
    func requestBodyDidArrive(_ bytes: RawSpan)
    /// The fields after the body, if there are any: lines for a ``FieldIterator``, lent for the length of the call.
    func requestTrailersDidArrive(_ lines: RawSpan)
    func requestDidEnd()
    /// The client has taken what was queued: go on with a response that waited.
    func responseDidDrain()
    /// The client is gone, or cut off, before the response ended. Nothing else is called.
    func clientDidAbort()
    /// The client was told `status`, and nothing else, since the rest of its request breaks the protocol or does not
    /// come. Nothing else is called. By default, as ``clientDidAbort()``.
    func requestWasRefused(status: Int)
    /// The server is about to end: finish soon what would go on for long. Called once at most; of a request that came
    /// later, once the handler has begun with it.
    func serverWillDrain()
}

extension HTTPServerExchange {
    public func requestTrailersDidArrive(_ lines: RawSpan) {}
    public func requestWasRefused(status: Int) { clientDidAbort() }
    public func serverWillDrain() {}
}
