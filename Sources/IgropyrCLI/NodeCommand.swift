import ArgumentParser
import IgropyrCluster
import IgropyrUV

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Make this host a node of the cluster: it runs its share of every application.",
        discussion: """
              (umask 077; igropyr keygen > cluster.key)
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

            and with --balance-tls one by https, with the certificates that the cluster
            has (igropyr certificate), on each host that joins, too:

              igropyr node --bind 10.0.0.3 --key-file cluster.key --join 10.0.0.1 \\
                  --balance 0.0.0.0:443 --balance-tls

            or one by a file (docs/balancer.md), for several listeners, routes and limits:

              igropyr node --bind 10.0.0.3 --key-file cluster.key --join 10.0.0.1 \\
                  --balance-config balancer.yaml

            It gossips on port 7946 (UDP and TCP); the control API listens on the
            port after it. SIGTERM and Ctrl-C end it gracefully: balancers hear of it
            first, then its workers finish what they do. A second Ctrl-C ends it at
            once. To systemd it reports as Type=notify has it (docs/install.md).

            SIGUSR2 has it start its program anew, which may have been replaced: the
            process stays, and so do its workers and their connections. Workers also
            outlive a node that dies, for 30 s: one that is started again by then on
            the same data folder goes on with them (docs/supervision.md). SIGHUP,
            SIGUSR1 and SIGUSR2 are passed on to the balancer beside it.
            """)

    @OptionGroup var member: MemberOptions

    @Option(
        help: "The folder for bundles, logs and the cluster's state; one node at a time. (env IGROPYR_DATA)",
        transform: nonempty)
    var data: String?

    @Option(
        name: .customLong("tag"), help: "A tag that deployments may ask for (--where), as KEY=VALUE; may be repeated.")
    var tags: [String] = []

    @Option(help: "The host's weight when workers are placed. Default: the processors that it may use.")
    var capacity: Int?

    @Option(help: "Also run a balancer that listens here: ADDRESS:PORT.", transform: EndpointArgument.init(parsing:))
    var balance: EndpointArgument?

    @Option(
        help: ArgumentHelp(
            "Also run a balancer by this file, as igropyr balancer --config does; see --check there.",
            valueName: "file"), transform: nonempty)
    var balanceConfig: String?

    @Flag(help: "Have that balancer speak TLS with the certificates that the cluster has: igropyr certificate.")
    var balanceTLS = false

    @Option(
        help: "Where that balancer gossips, if not on this node's address with port 7950.",
        transform: EndpointArgument.init(parsing:))
    var balanceBind: EndpointArgument?

    @Option(
        help: "Where that balancer tells operators and Prometheus; igropyr explain asks 127.0.0.1:7951.",
        transform: EndpointArgument.init(parsing:))
    var balanceAdmin: EndpointArgument?

    func validate() throws {
        guard 1...65_535 ~= capacity ?? 1 else { throw ValidationError("--capacity takes a number from 1 to 65535.") }
        guard balance == nil || balanceConfig == nil else {
            throw ValidationError("--balance and --balance-config exclude each other: name the address in the file.")
        }
        guard !balanceTLS || balanceConfig == nil else {
            throw ValidationError(
                "--balance-tls and --balance-config exclude each other: say \"tls: cluster\" in the file.")
        }
        guard hasBalancer || balanceBind == nil && balanceAdmin == nil && !balanceTLS else {
            throw ValidationError(
                "--balance-bind, --balance-admin and --balance-tls are for the balancer of --balance or "
                    + "--balance-config.")
        }
    }

    var hasBalancer: Bool { balance != nil || balanceConfig != nil }

    func run() async throws {
        let tags = try KeyValuePairs.parse(tags, option: "--tag", example: "disk=ssd")
        let folder = data ?? EnvironmentVariable.data.value ?? NodeConfiguration.defaultDataFolder
        let (command, member, capacity) = (self, member, capacity)
        let (contract, handover) = (ServiceContract.inherited, Handover.inherited)
        Logs.begin(isVerbose: member.verbose)
        let openFiles = CurrentProcess.raiseOpenFileLimit()
        try await onEventLoop { loop in
            let signals = ServiceSignals(on: loop)
            try await signals.start()
            if handover.isEnding == true { signals.requestEnd() }
            let program = Executable.path  // Before its file is replaced.
            let entrances = try await command.entrances(after: handover, on: loop)
            let found = try await waiting(on: loop, until: { await signals.waitForEnd() }) {
                let membership = try await member.membership()
                return (membership, try await member.keyFile(keptIn: folder, askingBy: membership, on: loop))
            }
            guard let (membership, key) = found else { return await signals.close() }
            var configuration = NodeConfiguration(membership, dataFolder: folder)
            configuration.isInsecure = member.insecure
            configuration.keyFile = key
            configuration.tags = tags
            configuration.capacity = capacity.map(UInt16.init)
            configuration.handover = handover
            configuration.workers.openFiles = handover.openFiles ?? openFiles
            // Its sockets first: a host whose entrance cannot be had had better not join.
            let balancer = try await command.balancer(beside: configuration, at: entrances, on: loop)
            let agent = try HostAgent(configuration, on: loop)
            try await agent.start()
            try await balancer?.start(from: handover)
            let ending = Task(executorPreference: loop) {
                try? await agent.waitUntilStopped()
                signals.requestEnd()
            }
            contract.notifyReady()
            let watchdog = Task(executorPreference: loop) { await contract.feedWatchdog {} }  // By the loop.
            let reaper = OrphanReaper(on: loop, logger: configuration.logger)
            try await reaper.start()
            try await command.serve(signals, beside: balancer) {
                try await command.upgrade(to: program, agent, balancer, contract, signals, on: loop)
            }
            watchdog.cancel()
            contract.notify("STOPPING=1")
            // The entrance closes first: what it has let in still finds workers.
            await balancer?.stop()
            await agent.stop()
            await reaper.stop()
            await ending.value
            await signals.close()
            try await agent.waitUntilStopped()
        }
    }
}

extension NodeCommand {
    /// Returns when the node is to end.
    private func serve(
        _ signals: ServiceSignals, beside balancer: ServiceSupervisor?, upgrade: () async throws -> Void
    ) async throws {
        for await order in signals.orders {
            switch order {
            case .end: return
            case .upgrade: try await upgrade()
            case .reload, .reopenLogs:
                if let balancer { await balancer.pass(order) } else { Self.sayNothingToDo(order) }
            }
        }
    }

    private static func sayNothingToDo(_ order: ServiceOrder) {
        StandardError.write(
            order == .reload
                ? "SIGHUP: a node reads no file anew; all goes on\n"
                : "SIGUSR1: a node keeps no log file; all goes on\n")
    }
}
