import ArgumentParser
import IgropyrBalancer
import IgropyrCluster
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

            By https with the certificates that the cluster has (igropyr certificate):

              igropyr balancer --listen 0.0.0.0:443 --tls-cluster \\
                  --bind 10.0.0.1:7950 --key-file cluster.key --join 10.0.0.1

            Or by a file with listeners, applications, routes and limits
            (docs/balancer.md):

              igropyr balancer --config balancer.yaml --check
              igropyr balancer --config balancer.yaml --admin 127.0.0.1:7951

            A request that no worker can have received is repeated on another, one
            that is idempotent also when its worker dies over it. It listens on
            sockets that systemd or a node hands over (LISTEN_FDS).

            SIGTERM, Ctrl-C  end after the requests under way; again: at once
            SIGHUP           read applications, routes and certificates anew, look
                             names of upstreams up again
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

    @Flag(help: "Speak TLS with the certificates that the cluster has: igropyr certificate.")
    var tlsCluster = false

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
        guard !tlsCluster || tls.tlsCertificate.isEmpty else {
            throw ValidationError("--tls-cluster and --tls-certificate exclude each other.")
        }
        guard !tlsCluster || upstream == nil else {
            throw ValidationError("--upstream is for balancing without a cluster, which has no certificates.")
        }
        guard 1...256 ~= loops ?? 1 else { throw ValidationError("--loops takes a number from 1 to 256.") }
        guard 0...86_400 ~= drainTimeout ?? 0 else {
            throw ValidationError("--drain-timeout takes 0 to 86400 seconds.")
        }
    }

    /// Whether it looks for no cluster.
    func isAlone(_ file: BalancerConfiguration) -> Bool {
        upstream != nil || file.isIndependent && !member.namesCluster && !tlsCluster
    }

    /// Says what would keep a balancer with these options from its start, as far as the machine's files and its
    /// resolver tell.
    private func check(_ file: BalancerConfiguration) async throws {
        var file = file
        file.accessLog = try insight.accessLog(before: file.accessLog)
        let (checked, path) = (file, config ?? "")
        try await onEventLoop { loop in try await checked.check(calledBy: path, on: loop) }
        if let tls = tls.configuration {
            do throws(TLSError) { try tls.check() } catch { throw CommandFailure("\(error)") }
        }
        print(file.summary)
    }

    func run() async throws {
        let file = try config.map { try BalancerConfiguration.reading($0) }
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
                let balancer = try await command.startAlone(settings, on: loop)
                try await command.serve(balancer, file, signals)
            } else if let balancer = try await command.startInCluster(settings, signals, on: loop) {
                let watch = Task(executorPreference: loop) {
                    defer { signals.requestEnd() }
                    try await balancer.waitForNameLoss()
                }
                try await command.serve(balancer, file, signals)
                try await watch.value
            }
            await signals.close()
            lifeline?.close()
        }
    }
}

extension BalancerConfiguration {
    /// Whether it can be followed without any cluster.
    fileprivate var isIndependent: Bool {
        !applications.isEmpty && clusterApplications.isEmpty
            && !listeners.contains { $0.tls?.awaitsCertificates == true }
    }
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
        try ClusterKey(fileAt: path) { StandardError.write("warning: \($0)\n", .warning) }
    }
}
