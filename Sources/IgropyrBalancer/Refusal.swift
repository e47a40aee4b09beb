import IgropyrHTTP
import IgropyrTransport

/// Why a client gets no response of a worker's. Says nothing of what is behind the balancer.
enum Refusal {
    case badRequest
    case notRouted
    /// CONNECT, which is for forward proxies, and TRACE, which would show fields that the balancer added.
    case notImplemented
    case badGateway
    case unavailable
    case gatewayTimeout

    init(_ failure: HTTPClientFailure) {
        switch failure.cause {
        case .timedOut: self = .gatewayTimeout
        case .exhausted, .cancelled: self = .unavailable
        case .connection, .closed, .malformedResponse, .responseTooLarge: self = .badGateway
        }
    }

    var status: Int {
        switch self {
        case .badRequest: 400
        case .notRouted: 404
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
        case .notImplemented: "this method is not supported\n"
        case .badGateway: "the application did not answer as it should\n"
        case .unavailable: "the application is not available now\n"
        case .gatewayTimeout: "the application did not answer in time\n"
        }
    }

    func count(in counters: inout BalancerCounters) {
        switch self {
        case .badRequest: counters.refused &+= 1
        case .notRouted: counters.notRouted &+= 1
        case .notImplemented: break
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
            if case .unavailable = self { try connection.appendField("Retry-After", "1") }
        } catch {
            return connection.abort()  // Not reached: all of it is constant.
        }
        connection.endHead()
        connection.sendBody(unsafe text.bytes)
    }
}
