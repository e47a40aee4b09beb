public import IgropyrHTTP

/// Who makes one request and takes its response; called on the connection's loop.
public protocol HTTPClientExchange: AnyObject {
    /// A head, lent for the length of the call; an interim one (1xx) may come first.
    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan)
    func responseBodyDidArrive(_ bytes: RawSpan)
    /// The fields after the body, if there are any: lines for a ``FieldIterator``, lent for the length of the call.
    func responseTrailersDidArrive(_ lines: RawSpan)
    /// The response is whole, and the connection is with its pool again or closed.
    func responseDidEnd()
    /// The server has taken what was queued: go on with a request body that waited.
    func requestDidDrain()
    /// There will be no (more) response. Nothing else is called.
    func exchangeDidFail(_ failure: HTTPClientFailure)
}

extension HTTPClientExchange {
    public func responseTrailersDidArrive(_ lines: RawSpan) {}
}
