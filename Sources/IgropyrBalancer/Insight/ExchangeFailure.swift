import IgropyrTransport
import IgropyrUV

/// Why a try at a worker failed, or why a request got no worker's response, or not all of it. A closed set, for labels.
enum ExchangeFailure: Int, CaseIterable, Sendable {
    // A try's.
    case connectRefused, connectTimeout, connectFailed, connectionsExhausted
    case handshakeFailed, connectionLost, requestRefused, responseTimeout, malformedResponse, responseTooLarge
    case upgradeFailed, withdrawn
    // A request's.
    case noWorker, overBudget, notRouted, badRequest, tooLarge, overRate, notImplemented, protocolError, truncated
    case clientAbort

    /// As logs and labels have it.
    var term: String {
        switch self {
        case .connectRefused: "connect-refused"
        case .connectTimeout: "connect-timeout"
        case .connectFailed: "connect-failed"
        case .connectionsExhausted: "connections-exhausted"
        case .handshakeFailed: "handshake-failed"
        case .connectionLost: "connection-lost"
        case .requestRefused: "request-refused"
        case .responseTimeout: "response-timeout"
        case .malformedResponse: "malformed-response"
        case .responseTooLarge: "response-too-large"
        case .upgradeFailed: "upgrade-failed"
        case .withdrawn: "withdrawn"
        case .noWorker: "no-worker"
        case .overBudget: "over-budget"
        case .notRouted: "not-routed"
        case .badRequest: "bad-request"
        case .tooLarge: "too-large"
        case .overRate: "over-rate"
        case .notImplemented: "not-implemented"
        case .protocolError: "protocol-error"
        case .truncated: "truncated"
        case .clientAbort: "client-abort"
        }
    }

    /// Takes how a connection could not be had.
    init(connecting failure: HTTPClientFailure) {
        switch failure.cause {
        case .connection(.network(let error)) where error.code == UVError.connectionRefused: self = .connectRefused
        case .connection, .closed, .malformedResponse, .responseTooLarge: self = .connectFailed
        case .timedOut: self = .connectTimeout
        case .refused: self = .requestRefused
        case .exhausted: self = .connectionsExhausted
        case .cancelled: self = .withdrawn
        }
    }

    /// Takes how a request that was sent went wrong.
    init(sent failure: HTTPClientFailure) {
        switch failure.cause {
        case .connection(.security) where !failure.mayHaveBeenReceived: self = .handshakeFailed
        // Until the handshake is through, nothing leaves.
        case .timedOut where !failure.mayHaveBeenReceived: self = .handshakeFailed
        case .connection, .closed: self = .connectionLost
        case .malformedResponse: self = .malformedResponse
        case .responseTooLarge: self = .responseTooLarge
        case .timedOut: self = .responseTimeout
        case .refused: self = .requestRefused
        case .exhausted: self = .connectionsExhausted
        case .cancelled: self = .withdrawn
        }
    }

    /// Takes what the client is told when no try is to blame; a redirect is no failure, nor is a challenge's answer.
    init?(_ refusal: Refusal) {
        switch refusal {
        case .redirect, .challenge: return nil
        case .badRequest: self = .badRequest
        case .tooLarge: self = .tooLarge
        case .tooManyRequests: self = .overRate
        case .notRouted: self = .notRouted
        case .notImplemented: self = .notImplemented
        case .badGateway: self = .upgradeFailed
        case .unavailable: self = .noWorker
        case .gatewayTimeout: self = .responseTimeout
        }
    }
}
