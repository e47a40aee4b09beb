import Foundation
import IgropyrBalancer
import IgropyrCluster
import IgropyrMembership
import IgropyrTransport
import IgropyrUV

extension BalancerCommand {
    /// How long a balancer may take to find its cluster before it counts as ready without it; longer where its
    /// predecessor serves meanwhile.
    private static let patience: Duration = ServiceContract.inherited.isSuccessor ? .seconds(10) : .seconds(3)
    private static let successorLimit = Duration.seconds(20)

    func startAlone(_ settings: BalancerSettings, on loop: EventLoop) async throws -> LoneBalancer {
        let rules = try await upstreamRules() ?? settings.rules
        let balancer = try await starting { try await Balancer.start(settings) }
        let directory = try UpstreamDirectory(of: balancer, rules, defaults: settings.application, on: loop)
        await directory.publish()
        let count = rules.fixedWorkers.values.joined().count
        let addresses = balancer.addresses.map(\.description).joined(separator: ", ")
        StandardError.write("balancing \(addresses) over \(count.counting("upstream"))\n")
        return LoneBalancer(balancer: balancer, directory: directory, loop: loop)
    }

    /// Nil if it is to end before it has a key.
    func startInCluster(
        _ settings: BalancerSettings, _ signals: ServiceSignals, on loop: EventLoop
    ) async throws -> ClusterBalancer? {
        let (member, data) = (member, data)
        let found = try await waiting(on: loop, until: { await signals.waitForEnd() }) {
            let membership = try await member.membership(suffix: ".balancer")
            return (membership, try await member.keyFile(keptIn: data, askingBy: membership, on: loop))
        }
        guard let (membership, keyFile) = found else { return nil }
        var configuration = membership
        configuration.sockets = MembershipSockets(ServiceContract.inherited.descriptors)
        guard keyFile != nil || member.insecure || configuration.bind.isLoopback else {
            throw CommandFailure(
                "--bind \(configuration.bind.hostText) can be reached by others, and there is no key: give it by "
                    + "--key-file, or say --insecure")
        }
        if member.join.isEmpty, member.discover == nil, member.token == nil, data == nil {
            StandardError.write("no --join and no --discover: alone until a node joins this balancer\n")
        }
        let key = try keyFile.map(ClusterKey.reading)
        let balancer = ClusterBalancer(
            settings, member: configuration, key: key, dataFolder: data,
            descriptors: ServiceContract.inherited.descriptors, on: loop)
        try await starting { try await balancer.start() }
        try await balancer.waitForWorkers(within: Self.patience)
        return balancer
    }

    /// Returns when it has ended: by signal, or since a successor has taken over. `file` is what it was started by.
    func serve(_ balancer: some BalancerService, _ file: BalancerConfiguration, _ signals: ServiceSignals) async throws
    {
        let contract = ServiceContract.inherited
        let successor = Self.successor  // Before the program's file is replaced.
        contract.notifyReady()
        let watchdog = Task { await contract.feedWatchdog { await balancer.answer() } }
        orders: for await order in signals.orders {
            do {
                switch order {
                case .end:
                    contract.notify("STOPPING=1")
                    break orders
                case .reload:
                    contract.notifyReloading()
                    defer { contract.notify("READY=1") }
                    try await reload(balancer, since: file, on: signals.loop)
                    StandardError.write("configuration and certificates are read anew\n")
                case .reopenLogs: await balancer.reopenAccessLog()
                case .upgrade:
                    let pid = try await balancer.startSuccessor(successor, within: Self.successorLimit)
                    contract.notify("MAINPID=\(pid)")
                    StandardError.write("process \(pid) has taken over\n")
                    break orders
                }
            } catch {
                StandardError.write("all goes on as before: \(error)\n", .error)
                if order == .upgrade { contract.notify("READY=1") }  // Nobody need wait for a successor.
            }
        }
        watchdog.cancel()
        // What is under way has lines until it has ended.
        let listening = Task { for await case .reopenLogs in signals.orders { await balancer.reopenAccessLog() } }
        defer { listening.cancel() }
        try await balancer.stop(timeout: drainTimeout.map { .seconds($0) } ?? file.drainTimeout)
    }

    /// All of it, or nothing.
    private func reload(
        _ balancer: some BalancerService, since start: BalancerConfiguration, on loop: EventLoop
    ) async throws {
        let new = try config.map { try BalancerConfiguration.reading($0) }
        if isAlone(start) { try refuseCluster(in: new) }
        let rules = try await upstream == nil ? new?.rules(on: loop) : upstreamRules()
        try await balancer.reloadCertificates()
        if let rules { await balancer.update(rules) }
        sayWhatWaits(in: new, since: start)
    }

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
            throw CommandFailure("\(failure); see --listen, or listen in the file of --config")
        } catch let error as InsightFailure {
            throw CommandFailure("\(error); see --access-log and --admin, or access-log in the file of --config")
        } catch let error as TLSError {
            throw CommandFailure("\(error)")
        }
    }
}
