public import IgropyrHTTP

/// Why a request got no whole response.
public struct HTTPClientFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Cause: Error, Hashable, Sendable {
        case connection(TransportError)
        /// The server closed the connection before its response was complete.
        case closed
        case malformedResponse(HTTPError)
        /// The body is larger than the caller takes.
        case responseTooLarge
        case timedOut
        /// The server has not begun with the request, and says so, or ends the connection before.
        case refused
        /// The pool has no place for one more connection to this server.
        case exhausted
        case cancelled
    }

    public var cause: Cause
    /// Whether the server may have got any of the request: if not, it can be repeated whatever it is.
    public var mayHaveBeenReceived: Bool

    public init(_ cause: Cause, mayHaveBeenReceived: Bool) {
        self.cause = cause
        self.mayHaveBeenReceived = mayHaveBeenReceived
    }

    public var description: String {
        switch cause {
        case .connection(let error): error.description
        case .closed: "the server closed the connection before its response was complete"
        case .malformedResponse(let error): "the response breaks HTTP: \(error)"
        case .responseTooLarge: "the response is larger than was asked for"
        case .timedOut: "no response in time"
        case .refused: "the server refused the request before it looked at it"
        case .exhausted: "too many connections to this server"
        case .cancelled: "cancelled"
        }
    }
}
