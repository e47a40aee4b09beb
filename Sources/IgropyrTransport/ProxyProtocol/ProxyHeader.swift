public import IgropyrUV

/// What a proxy says at the beginning of a connection about whose connection it is: the PROXY protocol, versions 1 and
/// 2 (HAProxy's `proxy-protocol.txt`).
///
/// Whoever sends it can claim any address: take it from proxies that are known only.
public enum ProxyHeader: Hashable, Sendable {
    /// The proxy's own connection, such as a health check's (`LOCAL`), or one whose ends it does not know or that are
    /// no TCP addresses (`UNKNOWN`): the addresses of the connection itself hold.
    case local
    /// A client has connected from `source` to `destination`, and the proxy passes that on.
    case proxied(source: SocketAddress, destination: SocketAddress)

    @frozen public enum Version: Hashable, Sendable {
        /// A line of text.
        case v1
        /// Binary.
        case v2
    }

    /// Bytes that are no such header: close the connection, since what they are is unknown.
    public enum Failure: Error, Hashable, Sendable, CaseIterable {
        /// Something else than a header.
        case noHeader
        /// No end of the line within 107 bytes, or within a header of version 2 more than ``maximumBytes``.
        case tooLong
        /// A line of version 1 that breaks the rules.
        case invalidLine
        /// A version, command, family or protocol that there is not.
        case unknownKind
        /// Fewer bytes than the addresses need, or extensions that do not add up.
        case invalidLength
        /// The checksum is not that of the header.
        case wrongChecksum
    }

    /// The longest header that is read. Without extensions there are 232 bytes at most; they are meant to fit in a
    /// packet of 536 bytes, but certificates' names may take more.
    public static let maximumBytes = 2048
}

extension ProxyHeader {
    /// The addresses that a proxy states; nil if those of the connection itself hold.
    public var source: SocketAddress? {
        if case .proxied(let source, _) = self { source } else { nil }
    }
}
