internal import IgropyrHTTP
internal import IgropyrTransport
internal import IgropyrUV

/// Why a request of an ``HTTPClient`` has no whole response.
public struct HTTPRequestFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Cause: Hashable, Sendable {
        /// It is no `http://…` or `https://…`.
        case invalidURL
        /// What is wrong with it.
        case invalidRequest(String)
        /// The host's name was not found, or cannot be looked up just now.
        case unknownHost(String)
        /// No connection: nobody listens, or TLS could not be agreed on, or the certificate is no good.
        case unreachable(String)
        case timedOut
        /// The response ended early, or breaks HTTP.
        case brokenResponse(String)
        /// Its body, or an event of it, is larger than ``HTTPClient/Settings/bodyLimit``.
        case tooLarge
        case tooManyRedirects
        /// ``HTTPClient/Settings/connectionsPerServer`` are all in use.
        case tooManyConnections
    }

    /// Without its query, which may hold a secret: failures go to logs.
    public let url: String
    public let cause: Cause
    /// Whether the server may have got any of the request: if not, it can be repeated whatever it is.
    public let mayHaveBeenReceived: Bool

    init(_ url: String, _ cause: Cause, mayHaveBeenReceived: Bool = false) {
        self.url = url
        self.cause = cause
        self.mayHaveBeenReceived = mayHaveBeenReceived
    }

    public var description: String { "no response from \(url): \(reason)" }

    /// Without the URL.
    var reason: String {
        switch cause {
        case .invalidURL:
            "give a URL such as https://example.org/path, a name and password by the field Authorization"
        case .invalidRequest(let reason), .unknownHost(let reason), .unreachable(let reason),
            .brokenResponse(let reason):
            reason
        case .timedOut: "no response in time"
        case .tooLarge: "the response is larger than bodyLimit"
        case .tooManyRedirects: "more redirections than are followed"
        case .tooManyConnections: "all connections to this server are in use (connectionsPerServer)"
        }
    }

    /// Nil if the error says nothing about that.
    init?(_ url: ServerURL, _ error: any Error) {
        let url = url.told
        switch error {
        case let failure as HTTPRequestFailure: self = failure
        case let failure as HTTPClientFailure:
            guard let cause = Cause(failure) else { return nil }
            self.init(url, cause, mayHaveBeenReceived: failure.mayHaveBeenReceived)
        case let failure as HTTPSerializer.Failure: self.init(url, .invalidRequest("\(failure)"))
        case let error as UVError where error.code == UVError.timedOut: self.init(url, .timedOut)
        case let error as UVError: self.init(url, .unknownHost(error.description))
        case let error as TLSError: self.init(url, .unreachable(error.description))
        default: return nil
        }
    }
}

extension HTTPRequestFailure.Cause {
    /// Nil when it was cancelled.
    fileprivate init?(_ failure: HTTPClientFailure) {
        switch failure.cause {
        case .connection where failure.mayHaveBeenReceived: self = .brokenResponse(failure.description)
        case .connection: self = .unreachable(failure.description)
        case .closed, .malformedResponse, .refused: self = .brokenResponse(failure.description)
        case .timedOut: self = .timedOut
        case .responseTooLarge: self = .tooLarge
        case .exhausted: self = .tooManyConnections
        case .cancelled: return nil
        }
    }
}
