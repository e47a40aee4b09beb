import ArgumentParser
import Foundation
import IgropyrBalancer
import IgropyrCluster
import IgropyrGossip
import IgropyrMembership
import IgropyrUV

struct BalancerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balancer",
        abstract: "Send each request to a worker by consistent hash.",
        discussion: """
            To the workers of a cluster, which it learns of by gossip:

              igropyr balancer --listen 0.0.0.0:8080 --bind 10.0.0.1:7950 \\
                  --key-file cluster.key --join 10.0.0.1

            Or to fixed ones, without any cluster:

              igropyr balancer --listen 127.0.0.1:8080 \\
                  --upstream 127.0.0.1:9001,127.0.0.1:9002 --hash source

            A request that no worker can have received is repeated on another, one
            that is idempotent also when its worker dies over it. SIGTERM and Ctrl-C
            end it after the requests under way.

            SIGUSR2 has the program, which may have been replaced by then, started
            anew with the same arguments: the new process takes the listening socket
            over, and the old one ends after its requests. Nobody is refused. So it is
            when systemd or a node hands the socket over (LISTEN_FDS).
            """)

    @Option(help: "Where clients connect: an address with its port.")
    var listen: EndpointArgument = EndpointArgument(argument: "127.0.0.1:8080")!

    @Option(
        help: """
            What decides on the worker: path, uri, source, method+path, header:NAME, cookie:NAME, cookie-set:NAME or \
            query:NAME; or path, uri, header:NAME or cookie:NAME with ~ and a regular expression whose first group is the \
            key. Requests without that part go by path.
            """, transform: HashKey.init(parsing:))
    var hash: HashKey = .path

    @Option(help: "Fixed workers in place of a cluster: ADDRESS:PORT,ADDRESS:PORT,…")
    var upstream: String?

    @Option(help: ArgumentHelp("Applications, routes and limits (docs/balancer.md).", valueName: "file"))
    var config: String?

    @Flag(help: "Say what is wrong with the file of --config, or what it says, and end.")
    var check = false

    @Option(help: "Event loops, each on a thread of its own. Default: the processors.")
    var loops: Int?

    @Option(help: "Seconds that requests under way have to finish when it is ended.")
    var drainTimeout: Int = 30

    @OptionGroup var insight: BalancerInsightOptions
    @OptionGroup var member: MemberOptions

    func validate() throws {
        guard upstream == nil || (member.join.isEmpty && member.name == nil) else {
            throw ValidationError("--upstream is for balancing without a cluster: leave --join and --name out.")
        }
        guard check == (config != nil) else {
            throw ValidationError("--config FILE goes with --check: balancing by a file is not there yet.")
        }
        guard 1...256 ~= loops ?? 1 else { throw ValidationError("--loops takes a number from 1 to 256.") }
        guard 0...86_400 ~= drainTimeout else { throw ValidationError("--drain-timeout takes 0 to 86400 seconds.") }
    }

    func run() async throws {
        if let config { return print(try BalancerConfiguration.reading(config).summary) }
        Logs.begin(isVerbose: member.verbose)
        let command = self
        try await onEventLoop { loop in
            let signals = ServiceSignals(on: loop)
            try await signals.start()
            var settings = BalancerSettings(listen: try await command.source(on: loop))
            settings.application.hashKey = command.hash
            settings.loops = command.loops ?? min(256, CurrentProcess.availableCores)
            settings.insight = try await command.insight.settings(on: loop)
            if let upstream = command.upstream {
                try await command.balance(settings, upstream, signals, on: loop)
            } else {
                try await command.balanceCluster(settings, signals, on: loop)
            }
            await signals.close()
        }
    }

    private func source(on loop: EventLoop) async throws -> SocketSource {
        let inherited = ServiceContract.inherited.sockets
        guard inherited.isEmpty else { return .inherited(inherited) }
        return .address(try await listen.address(defaultPort: 8080, option: "--listen", on: loop))
    }

    private func balance(
        _ settings: BalancerSettings, _ upstream: String, _ signals: ServiceSignals, on loop: EventLoop
    ) async throws {
        var addresses: [SocketAddress] = []
        for text in upstream.split(separator: ",") {
            guard let endpoint = EndpointArgument(argument: String(text)), endpoint.hasPort else {
                throw ValidationError("--upstream \(text): write it as ADDRESS:PORT.")
            }
            addresses.append(try await endpoint.address(defaultPort: 0, option: "--upstream", on: loop))
        }
        let balancer = try await listening(on: settings.listen) {
            try await Balancer.start(settings, snapshot: .fixed(addresses))
        }
        StandardError.write("balancing \(balancer.address) over \(addresses.count) upstreams\n")
        await serve(signals, reopening: { balancer.reopenAccessLog() }) {
            try await balancer.startSuccessor($0, within: Self.successorLimit, on: loop)
        }
        try await balancer.stop(timeout: .seconds(drainTimeout))
    }

    private func balanceCluster(
        _ settings: BalancerSettings, _ signals: ServiceSignals, on loop: EventLoop
    ) async throws {
        let bind = try await member.bind.address(defaultPort: MemberOptions.port, option: "--bind", on: loop)
        guard member.keyFilePath != nil || member.insecure || bind.isLoopback else {
            throw CommandFailure(
                "--bind \(bind.hostText) can be reached by others, and there is no key: give it by --key-file, "
                    + "or say --insecure")
        }
        let key = try member.keyFilePath.map(ClusterKey.reading)
        var configuration = MembershipConfiguration(name: member.name ?? "\(Host.name).balancer", bind: bind)
        configuration.advertise = try await member.advertise?.address(
            defaultPort: bind.port, option: "--advertise", on: loop)
        configuration.settings = member.profile.settings
        configuration.seeds = member.join.compactMap { $0.endpoint(defaultPort: MemberOptions.port) }
        configuration.seedServices = member.join.compactMap(\.service)
        configuration.nameServer = try await member.nameServer(on: loop)
        configuration.discovery = member.discover
        let balancer = ClusterBalancer(settings, member: configuration, key: key, on: loop)
        try await listening(on: settings.listen) { try await balancer.start() }
        await balancer.waitForWorkers(within: Self.patience)
        await serve(signals, reopening: { await balancer.reopenAccessLog() }) {
            try await balancer.startSuccessor($0, within: Self.successorLimit)
        }
        try await balancer.stop(timeout: .seconds(drainTimeout))
    }

    // MARK: - Life

    /// How long a balancer may take to find its cluster before it counts as ready without it.
    private static let patience = Duration.seconds(3)
    private static let successorLimit = Duration.seconds(20)

    /// Returns when it is to end: by signal, or since a successor has taken over.
    private func serve(
        _ signals: ServiceSignals, reopening reopen: () async -> Void,
        _ startSuccessor: (ChildProcess.Command) async throws -> Int32
    ) async {
        let contract = ServiceContract.inherited
        let successor = Self.successor  // Before the program's file is replaced.
        contract.notify("READY=1")
        for await order in signals.orders {
            switch order {
            case .end: return contract.notify("STOPPING=1")
            case .reopenLogs: await reopen()
            case .upgrade:
                do {
                    let pid = try await startSuccessor(successor)
                    contract.notify("MAINPID=\(pid)")
                    return StandardError.write("process \(pid) has taken over\n")
                } catch {
                    StandardError.write("no upgrade: \(error)\n")
                }
            }
        }
    }

    /// This very program, in a process that lives by itself.
    private static var successor: ChildProcess.Command {
        let program = Executable.path
        return ChildProcess.Command(
            executable: program, arguments: ["launch", "--", program] + CommandLine.arguments.dropFirst(),
            environment: ProcessInfo.processInfo.environment)
    }

    /// Says of a listening address that cannot be had what to do.
    private func listening<Result>(
        on source: SocketSource, _ start: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await start()
        } catch let error as UVError {
            guard case .address(let address) = source else { throw error }
            throw CommandFailure("cannot listen on \(address): \(error.reason); choose another address with --listen")
        } catch let error as InsightFailure {
            throw CommandFailure("\(error); see --access-log and --admin")
        }
    }
}

extension ClusterKey {
    /// Reads a key file; warns on standard error if others can read it, too.
    static func reading(_ path: String) throws -> ClusterKey {
        try ClusterKey(fileAt: path) { StandardError.write("warning: \($0)\n") }
    }
}
