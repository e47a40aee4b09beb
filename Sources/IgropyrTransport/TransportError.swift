public import IgropyrUV

/// Why a connection ended that should not have.
public enum TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    case network(UVError)
    case security(TLSError)

    public var description: String {
        switch self {
        case .network(let error): error.description
        case .security(let error): error.description
        }
    }
}
