import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMembership

/// A member on loopback that is in a hurry and says nothing.
func localConfiguration(_ name: String, seeds: [Endpoint] = []) -> MembershipConfiguration {
    var configuration = MembershipConfiguration(name: name, bind: freshAddress(port: 0))
    configuration.settings = .local
    configuration.seeds = seeds
    configuration.logger.logLevel = .critical
    return configuration
}

/// Where a member can be found.
func endpoint(_ address: SocketAddress?) throws -> Endpoint {
    let address = try #require(address)
    return Endpoint(host: address.hostText, port: address.port)
}
