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
        let advice =
            switch error.code {
            case UVError.addressInUse: "another program has this port: stop it or choose another port"
            case UVError.accessDenied: "ports below 1024 need rights that this process lacks: choose a higher one"
            case UVError.addressNotAvailable: "this machine has no such address: try 0.0.0.0 or 127.0.0.1"
            default: error.reason
            }
        self.init("cannot listen on \(address): \(advice)")
    }
}
