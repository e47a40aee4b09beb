public import IgropyrHTTP

/// One request to a server and its response, whatever the version of HTTP; stays on its loop.
///
/// In HTTP/1.1 the connection itself is that, for one request after the other; in HTTP/2 each request has its own. A
/// request is ``begin(_:responseTimeout:)``, then ``sendHead(_:method:framing:)``, ``sendBody(_:)`` and
/// ``endRequest(trailers:)``. Who has one begins with it or cancels it.
public protocol HTTPClientStream: AnyObject {
    /// Whether the connection has carried a request before: the server may close it at the very moment when the next
    /// one comes.
    var isReused: Bool { get }
    /// `responseTimeout` takes the place of the pool's.
    func begin(_ exchange: any HTTPClientExchange, responseTimeout: Duration?)
    /// Sends the head of the request that was begun, as ``HTTPSerializer`` writes it in HTTP/1.1: whole, with the
    /// fields that tell `framing` and the empty line. `.none` and `.length(0)` end the request.
    func sendHead(_ head: RawSpan, method: HTTPMethod, framing: MessageHead.Framing)
    /// Sends a part of the body. Watch ``canWrite``.
    func sendBody(_ bytes: RawSpan)
    /// Ends the body. One that is shorter than announced ends the request. Trailers go out behind a body of unknown
    /// length only.
    func endRequest(trailers: TrailerFields)
    /// Whether the server keeps up with what is sent; if not, wait for ``HTTPClientExchange/requestDidDrain()``.
    var canWrite: Bool { get }
    /// Gives the request up; the exchange hears nothing more.
    func cancel()
    /// Leaves the rest of the response with the server until ``resumeResponse()``.
    func pauseResponse()
    func resumeResponse()
}

extension HTTPClientStream {
    public func begin(_ exchange: any HTTPClientExchange) { begin(exchange, responseTimeout: nil) }
    public func endRequest() { endRequest(trailers: TrailerFields()) }
}
