public import IgropyrUV

/// Whether a listener's connections begin with a PROXY header. Never guessed: who could choose could claim any address.
public enum ProxyProtocolPolicy: Hashable, Sendable {
    case off
    /// Every connection comes from a proxy in one of these networks and begins with a header, of version 1 or 2, before
    /// TLS and HTTP. What the header states is then the client's address and the one it connected to. Other connections
    /// are closed.
    case required(from: [IPNetwork])
}
