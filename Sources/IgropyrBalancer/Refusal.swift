import IgropyrCluster
import IgropyrHTTP
import IgropyrTime
import IgropyrTransport

/// Why a client gets no response of a worker's. Says nothing of what is behind the balancer.
enum Refusal {
    case badRequest
    case notRouted
    /// The route leads elsewhere: the value of `Location`.
    case redirect(to: [UInt8], status: Int)
    /// A certificate authority's, which the balancer answers itself.
    case challenge(AuthorityChallenge)
    case tooLarge
    /// The client may ask again after that, which is more than nothing.
    case tooManyRequests(after: Duration)
    /// CONNECT, which is for forward proxies, and TRACE, which would show fields that the balancer added.
    case notImplemented
    case badGateway
    case unavailable
    case gatewayTimeout

    init(_ failure: HTTPClientFailure) {
        switch failure.cause {
        case .timedOut: self = .gatewayTimeout
        case .refused, .exhausted, .cancelled: self = .unavailable
        case .connection, .closed, .malformedResponse, .responseTooLarge: self = .badGateway
        }
    }

    var status: Int {
        switch self {
        case .badRequest: 400
        case .notRouted: 404
        case .redirect(_, let status): status
        case .challenge: 200
        case .tooLarge: 413
        case .tooManyRequests: 429
        case .notImplemented: 501
        case .badGateway: 502
        case .unavailable: 503
        case .gatewayTimeout: 504
        }
    }

    var text: String {
        switch self {
        case .badRequest: "the request cannot be forwarded\n"
        case .notRouted: "no application is routed here\n"
        case .redirect: "it is elsewhere\n"
        case .challenge(let challenge): challenge.text
        case .tooLarge: "the request's body is too large\n"
        case .tooManyRequests: "too many requests: slow down\n"
        case .notImplemented: "this method is not supported\n"
        case .badGateway: "the application did not answer as it should\n"
        case .unavailable: "the application is not available now\n"
        case .gatewayTimeout: "the application did not answer in time\n"
        }
    }

    func count(in counters: inout BalancerCounters) {
        switch self {
        case .badRequest, .tooLarge: counters.refused &+= 1
        case .tooManyRequests: counters.overRate &+= 1
        case .redirect: counters.redirects &+= 1
        case .notRouted: counters.notRouted &+= 1
        case .notImplemented, .challenge: break
        case .badGateway: counters.badGateways &+= 1
        case .unavailable: counters.unavailable &+= 1
        case .gatewayTimeout: counters.gatewayTimeouts &+= 1
        }
    }

    func answer(on connection: any HTTPServerStream) {
        let text = text.utf8.span
        do throws(HTTPSerializer.Failure) {
            try connection.beginResponse(status: status, framing: .length(UInt64(text.count)))
            try connection.appendField("Content-Type", "text/plain; charset=utf-8")
            try connection.appendField("Cache-Control", "no-store")
            switch self {
            case .redirect(let location, _):
                let name = "Location".utf8.span
                try connection.appendField(name: unsafe name.bytes, value: unsafe location.span.bytes)
            case .tooManyRequests(let pause):
                try connection.appendField("Retry-After", "\(pause.secondsRoundedUp)")
            case .unavailable: try connection.appendField("Retry-After", "1")
            case .badRequest, .notRouted, .challenge, .tooLarge, .notImplemented, .badGateway, .gatewayTimeout: break
            }
        } catch {
            return connection.abort()  // Not reached: all of it is constant.
        }
        connection.endHead()
        connection.sendBody(unsafe text.bytes)
    }
}
