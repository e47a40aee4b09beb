internal import IgropyrTransport
internal import IgropyrUV

/// Why a call to a node's control API failed. The description is one line: the cause and what to do.
public struct ControlError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// Nobody listens, or nothing came in time.
        case unreachable
        /// The node has another key, or only one of both has any.
        case wrongKey
        /// The node understood, and does not do it.
        case refused(status: Int)
        /// What answers is no node, or one of another edition.
        case unexpectedAnswer
        /// Something on this side: a file, memory.
        case local
        case cancelled
    }

    public var code: Code
    public var description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// `hasKey`: whether this side has one.
    init(_ error: any Error, from node: SocketAddress, hasKey: Bool) {
        switch error {
        case let error as ControlError: self = error
        case let failure as HTTPClientFailure: self.init(failure, from: node, hasKey: hasKey)
        case is CancellationError: self.init(.cancelled, "cancelled")
        default: self.init(.local, "\(error)")
        }
    }

    private init(_ failure: HTTPClientFailure, from node: SocketAddress, hasKey: Bool) {
        switch failure.cause {
        case .connection(.security(let error)) where error.code == .truncated:
            self.init(.unreachable, "the node at \(node) has ended or was cut off: its log says more")
        case .connection(.security(let error)):
            let advice =
                error.code == .notTLS
                ? "it seems to run without a key: call it without --key-file; or this is not its control port"
                : "the key does not fit: use the --key-file that the node was started with, or the new one after igropyr keys"
            self.init(.wrongKey, "the node at \(node) cannot be talked to, \(advice) (\(error))")
        case .closed, .connection(.network(UVError(code: UVError.connectionReset, call: "read"))):
            self =
                hasKey
                ? Self(.unreachable, "the node at \(node) closed the connection: try again, or look into its log")
                : Self(
                    .wrongKey,
                    "the node at \(node) closed the connection: if it has a key, give the same one by --key-file")
        case .connection(.network(let error)):
            self.init(
                .unreachable,
                "the node at \(node) does not answer (\(error.reason)): is `igropyr node` running there?")
        case .timedOut:
            self.init(
                .unreachable,
                "the node at \(node) does not answer in time: is `igropyr node` running there, and does a firewall let TCP "
                    + "through?")
        case .malformedResponse:
            self.init(
                .unexpectedAnswer,
                "what answers at \(node) is no node's control API: its port is the gossip port and one")
        case .responseTooLarge, .refused, .exhausted: self.init(.local, "\(node): \(failure)")
        case .cancelled: self.init(.cancelled, "cancelled")
        }
    }
}
