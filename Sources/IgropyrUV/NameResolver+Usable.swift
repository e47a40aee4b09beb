/// Why an endpoint that somebody gave is of no use, and what to do about it; to follow the endpoint.
public struct UnusableEndpoint: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
}

extension NameResolver {
    /// The first address of an endpoint that somebody gave, to listen at or to connect to.
    public static func usableAddress(of endpoint: Endpoint) async throws(UnusableEndpoint) -> SocketAddress {
        let found: SocketAddress?
        do throws(UVError) { found = try await addresses(of: endpoint).first } catch {
            throw UnusableEndpoint(
                description: endpoint.unknownInterface
                    ?? "\(error.reason); give an address, or a name that the resolver knows")
        }
        guard let found else { throw UnusableEndpoint(description: "the name has no address") }
        guard !found.lacksZone else { throw UnusableEndpoint(description: found.zoneAdvice) }
        return found
    }
}

extension SocketAddress {
    /// That it ``lacksZone``, and what to do; to follow the address.
    public var zoneAdvice: String { "it is link-local: say on which interface, as in '[\(hostText)%eth0]:\(port)'" }
}

extension Endpoint {
    /// Of an IPv6 address that is meant for one which this machine has not; nil for all else.
    fileprivate var unknownInterface: String? {
        guard let percent = host.firstIndex(of: "%"), SocketAddress(String(host[..<percent]), port: port) != nil else {
            return nil
        }
        let interface = host[host.index(after: percent)...]
        return "there is no interface \"\(interface)\" here: 'ip address' shows those that there are"
    }
}
