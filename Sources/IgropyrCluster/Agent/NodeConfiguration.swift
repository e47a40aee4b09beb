internal import FoundationEssentials
public import IgropyrMembership
public import IgropyrOrchestration
public import IgropyrUV
public import Logging

/// What a node is told at its start.
public struct NodeConfiguration: Sendable {
    /// Who it is, where it gossips, and whom it asks to be let in. The control API and the workers listen on the same
    /// address; the name lasts through restarts. The agent sets keys, tags and what earlier lives have left.
    public var member: MembershipConfiguration
    /// nil: the gossip port and one, or any that is free if the gossip port is 0.
    public var controlPort: UInt16?
    public var keyFile: String?
    /// Allows an address beyond loopback without a key.
    public var isInsecure = false
    /// One node at a time; see ``DataFolder``.
    public var dataFolder: String
    /// What deployments' constraints look at.
    public var tags: [String: String] = [:]
    /// Its weight in placement; nil: its processors.
    public var capacity: UInt16?
    public var workers = WorkerSettings()
    /// What this program has left to itself when it was replaced (``HostAgent/leaveToSuccessor()``).
    public var handover = Handover()
    /// How long a node that leaves waits for others to take over its part of a total.
    public var handoverTimeout: Duration = .seconds(5)
    /// How long balancers have to hear that the node leaves, before its workers drain.
    public var leaveGrace: Duration = .milliseconds(300)
    public var logger = Logger(label: "igropyr.node")

    public init(_ member: MembershipConfiguration, dataFolder: String) {
        self.member = member
        self.dataFolder = dataFolder
    }

    /// Of a node that root started, or that is installed as a service.
    public static let systemDataFolder = "/var/lib/igropyr"

    /// ``systemDataFolder`` for root, else `~/.local/share/igropyr`.
    public static var defaultDataFolder: String {
        let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
        return DataFolder.isRoot || home.isEmpty ? systemDataFolder : "\(home)/.local/share/igropyr"
    }

    /// Checks what can be checked without opening anything.
    /// - Returns: The node's name.
    @discardableResult
    public func validate() throws(NodeError) -> HostName {
        let (bind, advertise) = (member.bind, member.advertise)
        guard let name = HostName(rawValue: member.name) else {
            throw .configuration(
                "--name \"\(member.name.prefix(130))\" is no host name: use 1 to 128 letters, digits, '-', '.' and '_'")
        }
        guard keyFile != nil || isInsecure || bind.isLoopback else {
            throw .configuration(
                "--bind \(bind.hostText) can be reached by others, and there is no key: give the cluster's by "
                    + "--key-file (its first host makes it: `igropyr keygen > cluster.key`), or say --insecure")
        }
        guard !bind.isAny || advertise.map({ !$0.isAny }) ?? false else {
            throw .configuration("--bind \(bind.hostText) is every address of this host: say which one by --advertise")
        }
        for address in [bind, advertise].compactMap(\.self) where address.lacksZone {
            throw .configuration(MembershipError.missingZone(address).description)
        }
        if controlPort == nil, Self.controlAddress(besideGossipAt: bind) == nil {
            throw .configuration("--bind \(bind): there is no port above for the control API: choose a lower one")
        }
        let record = HostRecord(name: name, address: "127.0.0.1", controlPort: 0, cores: 1, tags: tags)
        do throws(Refusal) { try record.validate(at: .now) } catch { throw .configuration("--tag: \(error.reason)") }
        if let capacity, capacity == 0 { throw .configuration("--capacity 0 would give this host no workers") }
        return name
    }

    /// Port 0 takes one that is free.
    var controlAddress: SocketAddress {
        let address = controlPort.map { SocketAddress(host: member.bind.host, port: $0) }
        return address ?? Self.controlAddress(besideGossipAt: member.bind) ?? member.bind
    }

    /// Where a node that gossips there has its control API unless it is told: on the next port. Nil if there is none.
    static func controlAddress(besideGossipAt address: SocketAddress) -> SocketAddress? {
        guard address.port < .max else { return nil }
        return SocketAddress(host: address.host, port: address.port == 0 ? 0 : address.port + 1)
    }
}

/// Why a node did not start; one line with what to do.
public enum NodeError: Error, Sendable, CustomStringConvertible {
    case configuration(String)
    case key(ClusterKeyError)
    case folder(DataFolderError)
    case bundles(BundleError)
    case membership(MembershipError)
    case control(SocketAddress, UVError)
    /// The rest of the cluster knows another host by this node's name.
    case nameLost(name: String, address: SocketAddress)
    case system(String)

    public var description: String {
        switch self {
        case .configuration(let text), .system(let text): text
        case .nameLost(let name, let address):
            "stopped: the other members know \(name) as the host at \(address); start this one with another --name, "
                + "or stop that one first"
        case .key(let error): error.description
        case .folder(let error): error.description
        case .bundles(let error): error.description
        case .membership(let error): error.description
        case .control(let address, let error):
            "the control API, on the port after that of --bind, cannot listen on \(address): \(error.listeningAdvice(at: address))"
        }
    }
}
