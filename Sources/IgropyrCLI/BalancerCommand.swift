import ArgumentParser
import Foundation
import IgropyrBalancer
import IgropyrCluster
import IgropyrGossip
import IgropyrMembership
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV

struct BalancerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balancer",
        abstract: "Send each request to a worker by consistent hash.",
        discussion: """
            To the workers of a cluster, which it learns of by gossip:

              igropyr balancer --listen 0.0.0.0:8080 --bind 10.0.0.1:7950 \\
                  --key-file cluster.key --join 10.0.0.1

            A balancer with a folder of its own keeps what it learns; it then needs no
            copy of the key, but a token from a member (igropyr token):

              igropyr balancer --listen 0.0.0.0:8080 --bind 10.0.0.1:7950 \\
                  --join 10.0.0.1 --token igropyr-join.… --data /var/lib/balancer

            Or to fixed ones, without any cluster:

              igropyr balancer --listen 127.0.0.1:8080 \\
                  --upstream 127.0.0.1:9001,127.0.0.1:9002 --hash source

            Or by a file with listeners, applications, routes and limits
            (docs/balancer.md):

              igropyr balancer --config balancer.yaml --check
              igropyr balancer --config balancer.yaml --admin 127.0.0.1:7951

            A request that no worker can have received is repeated on another, one
            that is idempotent also when its worker dies over it. It listens on
            sockets that systemd or a node hands over (LISTEN_FDS).

            SIGTERM, Ctrl-C  end after the requests under way; again: at once
            SIGHUP           read applications, routes and certificates anew
            SIGUSR1          open the access log anew
            SIGUSR2          start the program anew, which may have been replaced:
                             the new process takes the sockets over, nobody is
                             refused, and this one ends after its requests
            """)

    @Option(
        help:
            "Where clients connect: an address with its port. Default: as the file of --config says, or 127.0.0.1:8080.",
        transform: EndpointArgument.init(parsing:))
    var listen: EndpointArgument?

    @Option(
        help: """
            What decides on the worker: path, uri, source, method+path, header:NAME, cookie:NAME, cookie-set:NAME or \
            query:NAME; or path, uri, header:NAME or cookie:NAME with ~ and a regular expression whose first group is the \
            key. Requests without that part go by path. For applications that --config does not describe. Default: path.
            """, transform: HashKey.init(parsing:))
    var hash: HashKey?

    @Option(help: "Fixed workers in place of a cluster: ADDRESS:PORT,ADDRESS:PORT,…", transform: nonempty)
    var upstream: String?

    @Option(
        help: ArgumentHelp("Applications, routes and limits (docs/balancer.md).", valueName: "file"),
        transform: nonempty)
    var config: String?

    @Flag(
        help: "Say what is wrong with the file of --config, a name in it that is unknown, or what was understood; end.")
    var check = false

    @Option(help: "Event loops, each on a thread of its own. Default: the processors.")
    var loops: Int?

    @Option(help: "Seconds that requests under way have to finish when it is ended. Default: as the file says, or 30.")
    var drainTimeout: Int?

    @OptionGroup var insight: BalancerInsightOptions
    @OptionGroup(title: "TLS") var tls: TLSOptions

    @OptionGroup var member: MemberOptions

    @Option(
        help: ArgumentHelp(
            """
            Where it keeps the cluster's keys, which may change as it runs, and where the other members are, to find back when \
            it is started again; for this balancer alone. Default: nowhere.
            """, valueName: "folder"), transform: nonempty)
    var data: String?

    func validate() throws {
        guard upstream == nil || !member.namesCluster && !member.saysHowToGossip && data == nil else {
            throw ValidationError(
                "--upstream is for balancing without a cluster: leave --join, --discover, --name, --key-file, --token, "
                    + "--advertise, --dns, --insecure and --data out.")
        }
        guard !check || config != nil else { throw ValidationError("--check needs a --config FILE.") }
        guard upstream == nil || config == nil else {
            throw ValidationError("--upstream and --config exclude each other: name the upstreams in the file.")
        }
        guard 1...256 ~= loops ?? 1 else { throw ValidationError("--loops takes a number from 1 to 256.") }
        guard 0...86_400 ~= drainTimeout ?? 0 else {
            throw ValidationError("--drain-timeout takes 0 to 86400 seconds.")
        }
    }

    /// Whether it looks for no cluster.
    func isAlone(_ file: BalancerConfiguration) -> Bool {
        upstream != nil || file.isIndependent && !member.namesCluster
    }

    /// Says what would keep a balancer with these options from its start, as far as the machine's files and its resolver
    /// tell.
    private func check(_ file: BalancerConfiguration) async throws {
        var file = file
        file.accessLog = try insight.accessLog(before: file.accessLog)
        do {
            try file.checkFiles()
            let file = file
            try await onEventLoop { loop in
                _ = try await file.resolvedListeners(on: loop)
                _ = try await file.rules(on: loop)
            }
        } catch { throw CommandFailure("\(config ?? ""): \(error)") }
        if let tls = tls.configuration {
            do throws(TLSError) { _ = try TLSContext.server(tls) } catch { throw CommandFailure("\(error)") }
        }
        print(file.summary)
    }

    func run() async throws {
        let file = try config.map(BalancerConfiguration.reading)
        if check, let file { return try await check(file) }
        Logs.begin(isVerbose: member.verbose)
        CurrentProcess.raiseOpenFileLimit()
        let command = self
        try await onEventLoop { loop in
            let signals = ServiceSignals(on: loop)
            try await signals.start()
            let lifeline = try ServiceContract.inherited.lifeline.map { try Lifeline.follow($0, on: loop) }
            let settings = try await command.settings(file, on: loop)
            let file = file ?? BalancerConfiguration()
            if command.isAlone(file) {
                try await command.balance(settings, file, signals, on: loop)
            } else {
                try await command.balanceCluster(settings, file, signals, on: loop)
            }
            await signals.close()
            lifeline?.close()
        }
    }

    private func balance(
        _ settings: BalancerSettings, _ file: BalancerConfiguration, _ signals: ServiceSignals, on loop: EventLoop
    ) async throws {
        let rules = try await upstreamRules(on: loop) ?? settings.rules
        let balancer = try await starting { try await Balancer.start(settings) }
        let directory = try UpstreamDirectory(of: balancer, rules, defaults: settings.application, on: loop)
        await directory.publish()
        let count = rules.fixedWorkers.values.joined().count
        let addresses = balancer.addresses.map(\.description).joined(separator: ", ")
        StandardError.write("balancing \(addresses) over \(count.counting("upstream"))\n")
        await serve(signals, answer: { _ = await balancer.counters }) { order throws in
            switch order {
            case .reload:  // All of it, or nothing.
                let new = try rereadFile()
                try refuseCluster(in: new)
                let rules = try await new?.rules(on: loop)
                try balancer.reloadCertificates()
                if let rules { await directory.update(rules) }
                sayWhatWaits(in: new, since: file)
            case .reopenLogs: balancer.reopenAccessLog()
            case .upgrade(let command):
                return try await balancer.startSuccessor(command, within: Self.successorLimit, on: loop)
            }
            return nil
        }
        await directory.close()
        try await balancer.stop(timeout: drainTime(file))
    }

    private func balanceCluster(
        _ settings: BalancerSettings, _ file: BalancerConfiguration, _ signals: ServiceSignals, on loop: EventLoop
    ) async throws {
        var configuration = try await member.membership(defaultName: "\(CurrentProcess.hostName).balancer", on: loop)
        configuration.sockets = MembershipSockets(ServiceContract.inherited.descriptors)
        let (member, data, membership) = (member, data, configuration)
        let found = try await waiting(on: loop, until: { await signals.waitForEnd() }) {
            try await member.keyFile(keptIn: data, askingBy: membership, on: loop)
        }
        guard let keyFile = found else { return }
        guard keyFile != nil || member.insecure || configuration.bind.isLoopback else {
            throw CommandFailure(
                "--bind \(configuration.bind.hostText) can be reached by others, and there is no key: give it by "
                    + "--key-file, or say --insecure")
        }
        if member.join.isEmpty, member.discover == nil, member.token == nil, data == nil {
            StandardError.write("no --join and no --discover: alone until a node joins this balancer\n")
        }
        let key = try keyFile.map(ClusterKey.reading)
        let balancer = ClusterBalancer(settings, member: configuration, key: key, dataFolder: data, on: loop)
        try await starting { try await balancer.start() }
        try await balancer.waitForWorkers(within: Self.patience)
        await serve(signals, answer: balancer.answer) { order throws in
            switch order {
            case .reload:  // All of it, or nothing.
                let new = try rereadFile()
                let rules = try await new?.rules(on: loop)
                try await balancer.reloadCertificates()
                if let rules { await balancer.update(rules) }
                sayWhatWaits(in: new, since: file)
            case .reopenLogs: await balancer.reopenAccessLog()
            case .upgrade(let command):
                return try await balancer.startSuccessor(command, within: Self.successorLimit)
            }
            return nil
        }
        try await balancer.stop(timeout: drainTime(file))
    }

    private func drainTime(_ file: BalancerConfiguration) -> Duration {
        drainTimeout.map { .seconds($0) } ?? file.drainTimeout
    }

    // MARK: - Life

    /// How long a balancer may take to find its cluster before it counts as ready without it.
    private static let patience = Duration.seconds(3)
    private static let successorLimit = Duration.seconds(20)

    /// What is asked of a balancer that runs.
    private enum Order {
        case reload, reopenLogs
        /// By this command; answered with the new process's number.
        case upgrade(ChildProcess.Command)
    }

    /// Returns when it is to end: by signal, or since a successor has taken over. What watches over this process hears from
    /// it for as long as `answer` returns.
    private func serve(
        _ signals: ServiceSignals, answer: @escaping @Sendable () async -> Void,
        _ carryOut: (Order) async throws -> Int32?
    ) async {
        let contract = ServiceContract.inherited
        let successor = Self.successor  // Before the program's file is replaced.
        contract.notifyReady()
        let watchdog = Task { await contract.feedWatchdog(answer) }
        defer { watchdog.cancel() }
        for await order in signals.orders {
            do {
                switch order {
                case .end: return contract.notify("STOPPING=1")
                case .reload:
                    contract.notifyReloading()
                    defer { contract.notify("READY=1") }
                    _ = try await carryOut(.reload)
                    StandardError.write("configuration and certificates are read anew\n")
                case .reopenLogs: _ = try await carryOut(.reopenLogs)
                case .upgrade:
                    guard let pid = try await carryOut(.upgrade(successor)) else { continue }
                    contract.notify("MAINPID=\(pid)")
                    return StandardError.write("process \(pid) has taken over\n")
                }
            } catch {
                StandardError.write("all goes on as before: \(error)\n")
            }
        }
    }

    /// Nil without a file.
    private func rereadFile() throws -> BalancerConfiguration? { try config.map(BalancerConfiguration.reading) }

    /// A balancer that runs without a cluster looks for none.
    private func refuseCluster(in file: BalancerConfiguration?) throws {
        guard let config, let names = file?.clusterApplications, !names.isEmpty else { return }
        let list = names.sorted().map(\.description).joined(separator: ", ")
        throw CommandFailure(
            "\(config): no upstreams for \(list), and this balancer is in no cluster; SIGUSR2 has it look for one")
    }

    /// Tells of changes that a new process alone would go by.
    private func sayWhatWaits(in file: BalancerConfiguration?, since start: BalancerConfiguration) {
        guard let config, let keys = file?.fixedKeys(differingFrom: start), !keys.isEmpty else { return }
        StandardError.write("\(config): \(keys.joined(separator: ", ")): changed, and stays as it was until SIGUSR2\n")
    }

    /// This very program, in a process that lives by itself.
    private static var successor: ChildProcess.Command {
        let program = Executable.path
        return ChildProcess.Command(
            executable: program, arguments: ["launch", "--", program] + CommandLine.arguments.dropFirst(),
            environment: ProcessInfo.processInfo.environment)
    }

    /// Says what to do about what cannot be had.
    private func starting<Result>(_ start: () async throws -> Result) async throws -> Result {
        do {
            return try await start()
        } catch let failure as ListenFailure {
            throw CommandFailure("\(failure); choose another address with --listen, or listen in the file of --config")
        } catch let error as InsightFailure {
            throw CommandFailure("\(error); see --access-log and --admin, or access-log in the file of --config")
        } catch let error as TLSError {
            throw CommandFailure("\(error)")
        }
    }
}

extension BalancerConfiguration {
    /// Whether it can be followed without any cluster.
    fileprivate var isIndependent: Bool { !applications.isEmpty && clusterApplications.isEmpty }
}

extension MemberOptions {
    /// Whether somebody wants a cluster.
    fileprivate var namesCluster: Bool {
        !join.isEmpty || name != nil || discover != nil || keyFile != nil || token != nil
    }

    /// Whether somebody says what only members of a cluster need.
    fileprivate var saysHowToGossip: Bool { advertise != nil || dns != nil || insecure }
}

extension ClusterKey {
    /// Reads a key file; warns on standard error if others can read it, too.
    static func reading(_ path: String) throws -> ClusterKey {
        try ClusterKey(fileAt: path) { StandardError.write("warning: \($0)\n") }
    }
}
