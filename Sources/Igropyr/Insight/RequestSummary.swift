public import IgropyrUV

/// A request that is over, as ``App/Configuration/accessLogLine`` is told of it.
public struct RequestSummary {
    public let request: Request
    /// 499 if the client went away before there was one.
    public let status: Int
    /// Of the response's body, as far as they were sent.
    public let bodyBytes: Int
    /// Until the last byte of the response.
    public let duration: Duration
    public let remoteAddress: SocketAddress?
}

extension Request {
    /// Which of ``App/Configuration/accessLogs`` has the request's line; nil for ``App/Configuration/accessLog``. None
    /// has it if there is none of that name.
    public var accessLogName: String? {
        get { self[AccessLogNameKey.self] }
        set { self[AccessLogNameKey.self] = newValue }
    }
}

private enum AccessLogNameKey: RequestKey { typealias Value = String }
