internal import IgropyrGossip
package import IgropyrUV

/// Why a member could not start, or a request was refused. The description is one line that says what to do.
public struct MembershipError: Error, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        case addressInUse
        case addressNotAvailable
        case accessDenied
        /// Bound to every address, without one to tell others.
        case noAdvertisedAddress
        case invalidConfiguration
        case invalidRequest
        /// Not started, or shut down.
        case notRunning
        case system
    }

    public let code: Code
    public let description: String
}

extension MembershipError {
    static let notRunning = MembershipError(code: .notRunning, description: "the member is not running")

    static func noAdvertisedAddress(_ bind: SocketAddress) -> MembershipError {
        MembershipError(
            code: .noAdvertisedAddress,
            description:
                "\(bind) is every address of this host: bind one of them, or say which others shall use (--advertise)")
    }

    /// `others`: a clause that says who is elsewhere.
    static func hidden(_ configuration: MembershipConfiguration, _ others: String) -> MembershipError {
        let address = (configuration.advertise ?? configuration.bind).hostText
        return MembershipError(
            code: .invalidConfiguration,
            description:
                "\(others), and \(address) is reached from this host only: give the address by which the others reach "
                + "this host, by --bind")
    }

    package static func missingZone(_ address: SocketAddress) -> MembershipError {
        MembershipError(
            code: .invalidConfiguration,
            description: "\(address): \(address.zoneAdvice)")
    }

    init(_ error: UVError, binding address: SocketAddress, over transport: String) {
        let code: Code =
            switch error.code {
            case UVError.addressInUse: .addressInUse
            case UVError.addressNotAvailable: .addressNotAvailable
            case UVError.accessDenied: .accessDenied
            default: .system
            }
        self.init(
            code: code, description: "cannot bind \(address) (\(transport)): \(error.listeningAdvice(at: address))")
    }

    init(_ error: GossipError) {
        let (code, description): (Code, String) =
            switch error {
            case .invalidName(let name):
                (
                    .invalidConfiguration,
                    "the name \"\(name)\" does not do: use 1 to 128 letters, digits, dots, hyphens, underscores"
                )
            case .invalidAddress(let address):
                (.invalidConfiguration, "nobody can reach us at \(address): advertise another address")
            case .tagsTooLarge: (.invalidConfiguration, "the tags take more than 512 bytes: shorten them")
            case .invalidKey: (.invalidConfiguration, "a key has 16, 24 or 32 bytes; make one with: igropyr keygen")
            case .invalidLabel: (.invalidConfiguration, "the label is longer than 255 bytes")
            case .userEventTooLarge(let limit):
                (.invalidRequest, "a user event takes at most \(limit) bytes, its name included")
            case .queryTooLarge(let limit): (.invalidRequest, "a query takes at most \(limit) bytes")
            case .responseTooLarge(let limit): (.invalidRequest, "an answer takes at most \(limit) bytes")
            case .noSuchQuery: (.invalidRequest, "the query is over, or answered")
            case .unknownMember(let name): (.invalidRequest, "there is no other member called \"\(name)\"")
            case .needsSerf: (.invalidRequest, "this cluster has no Serf: no tags, events, queries, forced leaves")
            case .belongsToSerf: (.invalidRequest, "Serf uses metadata and messages itself: send an event or a query")
            case .userMessageTooLarge(let limit): (.invalidRequest, "a user message takes at most \(limit) bytes")
            case .userStateTooLarge(let limit): (.invalidRequest, "the user state takes at most \(limit) bytes")
            case .reservedName(let name):
                (.invalidRequest, "\"\(name)\": names that begin with \(QueryRequest.reservedPrefix) are Serf's own")
            case .notEncrypted:
                (.invalidRequest, "the cluster has no key: give all of its members one at their start (--key-file)")
            case .leaving: (.invalidRequest, "the member is leaving")
            }
        self.init(code: code, description: description)
    }
}
