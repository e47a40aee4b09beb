internal import IgropyrUV

/// Why an application cannot start, and what to do about it, in one line.
public struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    init(_ error: UVError, _ source: SocketSource) {
        guard case .address(let address) = source else {
            self.init("the socket handed over by LISTEN_FDS cannot be used: \(error.reason)")
            return
        }
        self.init("cannot listen on \(address): \(error.listeningAdvice(at: address))")
    }
}
