public import HTTPTypes
internal import IgropyrHTTP

/// Ends a request with a status of 4xx or 5xx, and tells the client why: in JSON (RFC 9457), HTML or a line of text, as
/// its `Accept` asks for. Any other error that a handler throws is answered 500 without its details, which go to the
/// log; so is one of these with another status, since a response that is no failure is returned.
public struct HTTPFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public var status: HTTPResponse.Status
    /// For the client to read.
    public var message: String
    /// Further fields of the response, such as `WWW-Authenticate`.
    public var fields: HTTPFields?

    public init(_ status: HTTPResponse.Status, _ message: String? = nil, fields: HTTPFields? = nil) {
        self.status = status.named
        self.message = message ?? self.status.reasonPhrase
        self.fields = fields
    }

    public var description: String {
        guard isFailure else { return "\(status.code) is no failure: return such a response, and throw 4xx or 5xx" }
        return "\(status.code) \(message)"
    }

    fileprivate var isFailure: Bool { status.code >= 400 }
}

extension HTTPFailure {
    init(refusing error: HTTPError) {
        self.init(HTTPResponse.Status(code: error.status), "The request cannot be understood: \(error)")
    }

    /// What the client is told of `error`; nil if it is none of its business.
    package init?(telling error: any Error) {
        switch error {
        case let failure as HTTPFailure where failure.isFailure: self = failure
        case let error as HTTPError: self.init(refusing: error)
        default: return nil
        }
    }
}
