public import IgropyrGossip
public import IgropyrUV
public import Logging
public import Metrics

/// Who this member is, where it listens, and whom it asks to be let in.
public struct MembershipConfiguration: Sendable {
    public static let defaultPort: UInt16 = 7946
    /// After a host has lost its power and come back, links of its earlier life end within a minute or two.
    static let linkKeepAlive = Duration.seconds(60)

    /// Unique in the cluster; 1 to 128 of `A-Z a-z 0-9 . - _`.
    public var name: String
    /// For UDP and TCP alike; port 0 takes one that is free for both.
    public var bind: SocketAddress
    /// What ``Membership/leaveToSuccessor()`` left, to be used in place of `bind`. Closed in the end, however it comes.
    public var sockets: MembershipSockets?
    /// Where others reach us, if not at `bind`; port 0 stands for the bound one. Needed when `bind` is any address.
    public var advertise: SocketAddress?
    /// That of a link-local address of ours, and so that of all members' which say none; 0: there is none.
    public var zone: UInt32 { (advertise ?? bind).zone }
    /// Whether only members on this host reach us.
    var isHidden: Bool { (advertise ?? bind).isLoopback }
    /// Serf's tags; at most 512 bytes encoded.
    public var tags: [String: String] = [:]
    /// Who uses memberlist's room for metadata and messages: Serf, or the application itself.
    public var delegate = GossipDelegate.serf
    /// Whom to believe in; nil: everybody whose key fits.
    public var admission: AdmissionPolicy?
    /// 16, 24 or 32 bytes each; the first seals what we send. Empty: no encryption.
    public var keys: [[UInt8]] = []
    /// Keeps clusters apart; Serf agents up to 0.9 know no labels.
    public var label = ""
    /// Members of the cluster, any one of which lets us in. Asked again and again until one does, whenever we are
    /// alone, and now and then while none of our members is at their addresses: they may be in another part of a
    /// divided cluster.
    public var seeds: [Endpoint] = []
    /// Names of services whose SRV records name members (RFC 2782), such as `_igropyr._udp.example.org`; as seeds.
    public var seedServices: [String] = []
    /// The name server to ask about `seedServices`, over IPv4; nil: the system's.
    public var nameServer: SocketAddress?
    /// Where members were in an earlier life (``Membership/rememberedPeers``), the most recent first; as seeds.
    public var rememberedPeers: [SocketAddress] = []
    /// Find members on the local network, and let them find us, by multicast DNS under this cluster's name, as Serf's
    /// agents do with `-discover`, over IPv4 and IPv6; nil: do not. 1 to 57 letters, digits and hyphens.
    public var discovery: String?
    /// For hosts in one network; ``GossipSettings/wan`` for hosts far apart.
    public var settings = GossipSettings.fast
    /// Connections of others served at once, of one source half of them (IPv6 by its first 64 bits); more are closed at
    /// once.
    public var inboundStreamLimit = 128
    /// Where metrics go; nil: to the factory that `MetricsSystem` was bootstrapped with, if any.
    public var metrics: (any MetricsFactory)?
    public var logger = Logger(label: "igropyr.membership")

    public init(name: String, bind: SocketAddress) {
        self.name = name
        self.bind = bind
    }
}

/// Descriptors of the sockets of a member, which are bound to one port.
public struct MembershipSockets: Hashable, Sendable {
    public var datagrams: Int32
    public var listener: Int32

    public init(datagrams: Int32, listener: Int32) {
        self.datagrams = datagrams
        self.listener = listener
    }

    private static let names = (datagrams: "gossip UDP", listener: "gossip TCP")

    /// Out of what a program has left to its successor; nil unless both are there.
    public init?(_ descriptors: [String: Int32]) {
        guard let datagrams = descriptors[Self.names.datagrams], let listener = descriptors[Self.names.listener] else {
            return nil
        }
        self.init(datagrams: datagrams, listener: listener)
    }

    /// For an owner who has no use for them.
    public func close() {
        Descriptor.close(datagrams)
        Descriptor.close(listener)
    }

    /// By the names that the successor looks for.
    public var descriptors: [String: Int32] {
        [Self.names.datagrams: datagrams, Self.names.listener: listener]
    }
}
