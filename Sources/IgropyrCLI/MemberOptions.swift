public import ArgumentParser
public import IgropyrGossip
import IgropyrMembership
import IgropyrUV

/// What nodes and balancers have in common: they gossip.
struct MemberOptions: ParsableArguments {
    static let port = MembershipConfiguration.defaultPort

    @Option(
        help: """
            This host's address or name, as others reach it; with :PORT if not 7946. IPv6 with a port in brackets, link-local \
            with the interface: '[fe80::1%eth0]:7950'. Default: 127.0.0.1
            """, transform: EndpointArgument.init(parsing:))
    var bind: EndpointArgument = .loopback()

    @Option(help: "Where others reach this host, if not at --bind.", transform: EndpointArgument.init(parsing:))
    var advertise: EndpointArgument?

    @Option(
        help: "The member's name, unique in the cluster. Default: the host's name; its address if that is localhost.")
    var name: String?

    @Option(help: "The file with the cluster key (igropyr keygen). (env IGROPYR_KEY_FILE)", transform: nonempty)
    var keyFile: String?

    @Option(
        help: """
            By which a node that --join or --discover leads to gives this host the cluster's key, which the data folder then \
            keeps; not looked at any more once it has one. (env IGROPYR_TOKEN)
            """, transform: nonempty)
    var token: String?

    @Option(
        help: """
            A member of the cluster, by address or name, with :PORT if not 7946; or srv:NAME, a service whose SRV records \
            name members (srv:_igropyr._udp.example.org). May be repeated.
            """, transform: JoinArgument.init(parsing:))
    var join: [JoinArgument] = []

    @Option(
        help: "The name server, ADDRESS[:PORT], to ask about srv: names, in place of this host's.",
        transform: EndpointArgument.init(parsing:))
    var dns: EndpointArgument?

    @Option(
        help: """
            Find the others on this network by multicast DNS, over IPv4 and IPv6, under a name that all of them give; Serf \
            agents do it with -discover.
            """, transform: nonempty)
    var discover: String?

    @Option(
        help: """
            How members look for failures, the same on all: fast (hosts in one network), lan, wan or local (as Serf's \
            agents have them).
            """)
    var profile = GossipProfile.fast

    @Flag(help: "Allow an address beyond loopback without a key: anybody who reaches it may then deploy.")
    var insecure = false

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    /// Who it is and whom it asks to be let in, without its tags and keys. `suffix`: Of the default name.
    func membership(suffix: String = "") async throws -> MembershipConfiguration {
        let bind = try await bind.address(defaultPort: Self.port, option: "--bind")
        let advertise = try await advertise?.address(defaultPort: bind.port, option: "--advertise")
        let hostName = Self.defaultName(of: CurrentProcess.hostName, at: advertise ?? bind)
        var configuration = MembershipConfiguration(name: name ?? hostName + suffix, bind: bind)
        configuration.advertise = advertise
        configuration.seeds = join.compactMap { $0.endpoint(defaultPort: Self.port) }
        configuration.seedServices = join.compactMap(\.service)
        configuration.nameServer = try await dns?.address(defaultPort: 53, option: "--dns")
        configuration.discovery = discover
        configuration.settings = profile.settings
        try await Self.refuseToHide(configuration)
        return configuration
    }

    /// Machines that nobody has named are all called the same; then it is what others reach it by.
    static func defaultName(of machine: String, at address: SocketAddress) -> String {
        let isUnnamed = ["", "(none)", "localhost"].contains(machine) || machine.hasPrefix("localhost.")
        guard isUnnamed, !address.isLoopback, !address.isAny else { return machine.isEmpty ? "localhost" : machine }
        return String(address.hostText.prefix { $0 != "%" }.map { $0 == ":" ? "-" : $0 })
    }

    /// Members elsewhere would take this one in, and each look for it on its own host.
    private static func refuseToHide(_ membership: MembershipConfiguration) async throws {
        guard membership.advertise == nil, membership.bind.isLoopback else { return }
        for seed in membership.seeds {
            // What has no address yet is asked later, and may be anywhere.
            guard let address = try? await NameResolver.addresses(of: seed).first, !address.isLoopback else {
                continue
            }
            throw CommandFailure(
                "--join \(seed.host) leads to another address, and \(membership.bind.hostText) is reached from this host "
                    + "only: give the address by which the others reach this host, by --bind")
        }
    }

    var keyFilePath: String? { keyFile ?? EnvironmentVariable.keyFile.value }

    var tokenText: String? { token ?? EnvironmentVariable.token.value }
}

extension GossipProfile: ExpressibleByArgument {}
