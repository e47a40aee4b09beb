import ArgumentParser
import Foundation
import Glibc
import IgropyrCluster
import IgropyrGossip
import IgropyrUV

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Make this host a node of the cluster: it runs its share of every application.",
        discussion: """
              igropyr keygen > cluster.key
              igropyr node --bind 10.0.0.1 --key-file cluster.key

            On every other host; any member will do to join by:

              igropyr node --bind 10.0.0.2 --key-file cluster.key --join 10.0.0.1

            Or without naming one: by the DNS, or on the same network by multicast:

              igropyr node --bind 10.0.0.2 --key-file cluster.key \\
                  --join srv:_igropyr._udp.example.org
              igropyr node --bind 10.0.0.2 --key-file cluster.key --discover shop

            A node remembers the others: started again, it needs neither. With a token
            from a member (igropyr token) it needs no copy of the key:

              igropyr node --bind 10.0.0.2 --join 10.0.0.1 --token igropyr-join.…

            With --balance it runs a balancer beside it, so that every host is an
            entrance to the cluster:

              igropyr node --bind 10.0.0.1 --key-file cluster.key --balance 0.0.0.0:80

            It gossips on port 7946 (UDP and TCP); the control API listens on the
            port after it. SIGTERM and Ctrl-C end it gracefully: balancers hear of it
            first, then its workers finish what they do. A second Ctrl-C ends it at
            once. To systemd it reports as Type=notify has it (docs/install.md).

            SIGUSR2 has it start its program anew, which may have been replaced: the
            process stays, and so do its workers and their connections. Workers also
            outlive a node that dies, for 30 s: one that is started again by then on
            the same data folder goes on with them (docs/supervision.md).
            """)

    @OptionGroup var member: MemberOptions

    @Option(help: "The folder for bundles, logs and the cluster's state; one node at a time. (env IGROPYR_DATA)")
    var data: String?

    @Option(
        help: """
            By which a member of --join gives this host the cluster's key, which the data folder then keeps; not looked at \
            any more once it has one. (env IGROPYR_TOKEN)
            """)
    var token: String?

    @Option(
        name: .customLong("tag"), help: "A tag that deployments may ask for (--where), as KEY=VALUE; may be repeated.")
    var tags: [String] = []

    @Option(help: "The host's weight when workers are placed. Default: its processors.")
    var capacity: UInt16?

    @Option(help: "Also run a balancer that listens here: ADDRESS:PORT.")
    var balance: EndpointArgument?

    @Option(help: "Where that balancer gossips, if not on this node's address with port 7950.")
    var balanceBind: EndpointArgument?

    func run() async throws {
        let tags = try KeyValuePairs.parse(tags, option: "--tag", example: "disk=ssd")
        let folder = data ?? ProcessInfo.processInfo.environment["IGROPYR_DATA"] ?? NodeConfiguration.defaultDataFolder
        let (command, member, capacity) = (self, member, capacity)
        let (contract, handover) = (ServiceContract.inherited, Handover.inherited)
        Logs.begin(isVerbose: member.verbose)
        try await onEventLoop { loop in
            let interruption = Interruption(on: loop)
            try await interruption.start(mayUpgrade: true)
            let program = Executable.path  // Before its file is replaced.
            let bind = try await member.bind.address(defaultPort: MemberOptions.port, option: "--bind", on: loop)
            var configuration = NodeConfiguration(name: member.name ?? Host.name, bind: bind, dataFolder: folder)
            configuration.advertise = try await member.advertise?.address(
                defaultPort: bind.port, option: "--advertise", on: loop)
            configuration.isInsecure = member.insecure
            configuration.joins = member.join.compactMap { $0.endpoint(defaultPort: MemberOptions.port) }
            configuration.joinServices = member.join.compactMap(\.service)
            configuration.keyFile = try await command.keyFile(for: configuration, on: loop)
            configuration.nameServer = try await member.nameServer(on: loop)
            configuration.discovery = member.discover
            configuration.gossip = member.profile.settings
            configuration.tags = tags
            configuration.capacity = capacity
            configuration.handover = handover
            let agent = try HostAgent(configuration, on: loop)
            try await agent.start()
            let balancer = try await command.startBalancer(beside: configuration, on: loop)
            let ending = Task(executorPreference: loop) {
                try? await agent.waitUntilStopped()
                await interruption.arrive()
            }
            contract.notifyReady()
            let watchdog = Task(executorPreference: loop) { await contract.feedWatchdog {} }  // By the loop.
            let reaper = OrphanReaper(on: loop, logger: configuration.logger)
            try await reaper.start()
            while await interruption.wait() == .upgrade {
                try await command.upgrade(to: program, agent, balancer, contract, on: loop)
            }
            watchdog.cancel()
            contract.notify("STOPPING=1")
            // The entrance closes first: what it has let in still finds workers.
            await balancer?.stop()
            await agent.stop()
            await reaper.stop()
            await ending.value
            await interruption.close()
            try await agent.waitUntilStopped()
        }
    }
}

extension NodeCommand {
    /// The one that is named, which with a token need not exist; else the data folder's; else what a member gives for the
    /// token, however long one takes to answer. Nil without any.
    private func keyFile(for node: NodeConfiguration, on loop: EventLoop) async throws -> String? {
        let text = token ?? ProcessInfo.processInfo.environment["IGROPYR_TOKEN"]
        if let named = member.keyFilePath, text == nil || FileManager.default.fileExists(atPath: named) { return named }
        if let kept = Admission.keyFile(inDataFolder: node.dataFolder) { return kept }
        guard let text else { return nil }
        guard let token = JoinToken(text: text) else {
            throw ValidationError("--token: this is no token of igropyr token, or not all of it.")
        }
        guard token.expires > .now else {
            throw CommandFailure(
                "the token has expired (\(ClockTime.text(token.expires))): make a new one on a member, by igropyr token"
            )
        }
        let seeds = node.joins.map { Endpoint(host: $0.host, port: $0.port &+ 1) }
        guard !seeds.isEmpty else {
            throw ValidationError("--token needs a member to show it to: --join ADDRESS.")
        }
        while true {
            do {
                let nodes = try await addresses(of: seeds, on: loop)
                return try await Admission.keyFile(by: token, from: nodes, inDataFolder: node.dataFolder, on: loop)
            } catch let error as ControlError where error.code == .unreachable {
                node.logger.warning("waiting to be let in", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func addresses(of endpoints: [Endpoint], on loop: EventLoop) async throws -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for endpoint in endpoints {
            do throws(UVError) {
                addresses += try await NameResolver.addresses(of: endpoint, on: loop)
            } catch {
                throw CommandFailure(
                    "--join \(endpoint.host): \(error.reason); give an address, or a name that is known.")
            }
        }
        return addresses
    }

    private static let balancerPort: UInt16 = 7950

    /// A balancer of its own process, a member beside the node.
    private func startBalancer(
        beside node: NodeConfiguration, on loop: EventLoop
    ) async throws -> ServiceSupervisor? {
        guard let balance else { return nil }
        let listen = try await balance.address(defaultPort: 8080, option: "--balance", on: loop)
        let beside = SocketAddress(host: node.bind.host, port: Self.balancerPort)
        let bind = try await balanceBind?.address(defaultPort: Self.balancerPort, option: "--balance-bind", on: loop)
        var program = [
            Executable.path, "balancer", "--name", "\(node.name).balancer", "--bind", "\(bind ?? beside)", "--join",
            "\(node.bind)", "--profile", member.profile.rawValue,
        ]
        if let file = node.keyFile { program += ["--key-file", file] }
        if let address = node.advertise { program += ["--advertise", "\(address.hostText):\((bind ?? beside).port)"] }
        if node.isInsecure { program.append("--insecure") }
        let (name, handover) = ("balancer", node.handover)
        if let present = ServiceSupervisor(name, program: program, from: handover, logger: node.logger, on: loop) {
            try await present.start(from: handover)
            return present
        }
        let socket: Int32
        do throws(UVError) {
            socket = try ListeningSocket.open(listen)
        } catch {
            throw CommandFailure("--balance \(listen): \(error.reason); choose another address")
        }
        let supervisor = ServiceSupervisor(name, program: program, socket: socket, logger: node.logger, on: loop)
        try await supervisor.start()
        return supervisor
    }
}

/// What nodes and balancers have in common: they gossip.
struct MemberOptions: ParsableArguments {
    static let port: UInt16 = 7946

    @Option(help: "This host's address or name, as others reach it; with :PORT if not 7946.")
    var bind: EndpointArgument = EndpointArgument(argument: "127.0.0.1")!

    @Option(help: "Where others reach this host, if not at --bind.")
    var advertise: EndpointArgument?

    @Option(help: "The member's name, unique in the cluster. Default: the host's name.")
    var name: String?

    @Option(help: "The file with the cluster key (igropyr keygen). (env IGROPYR_KEY_FILE)")
    var keyFile: String?

    @Option(
        help: """
            A member of the cluster, by address or name, with :PORT if not 7946; or srv:NAME, a service whose SRV records \
            name members (srv:_igropyr._udp.example.org). May be repeated.
            """)
    var join: [JoinArgument] = []

    @Option(help: "The name server, ADDRESS[:PORT], to ask about srv: names, in place of this host's.")
    var dns: EndpointArgument?

    @Option(
        help: """
            Find the others on this network by multicast DNS, under a name that all of them give; Serf agents do it with \
            -discover.
            """)
    var discover: String?

    @Option(
        help: """
            How members look for failures, the same on all: fast (hosts in one network), lan, wan or local (as Serf's \
            agents have them).
            """, transform: Self.profile)
    var profile = GossipProfile.fast

    @Flag(help: "Allow an address beyond loopback without a key: anybody who reaches it may then deploy.")
    var insecure = false

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    func nameServer(on loop: EventLoop) async throws -> SocketAddress? {
        try await dns?.address(defaultPort: 53, option: "--dns", on: loop)
    }

    private static func profile(_ text: String) throws -> GossipProfile {
        guard let profile = GossipProfile(rawValue: text) else {
            throw ValidationError("--profile \(text): choose fast, lan, wan or local.")
        }
        return profile
    }

    var keyFilePath: String? { keyFile ?? ProcessInfo.processInfo.environment["IGROPYR_KEY_FILE"] }
}

enum Host {
    /// The name of this host.
    static let name: String = {
        var bytes = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()
}

enum KeyValuePairs {
    static func parse(_ texts: [String], option: String, example: String) throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw ValidationError("\(option) \(text): write it as \(example).")
            }
            pairs[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return pairs
    }
}
