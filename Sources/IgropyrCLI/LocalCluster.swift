import Foundation
import Glibc
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// Nodes and a balancer as processes of this machine, for the demo; lives on one event loop.
///
/// All of them end with this process, even if it is killed: the launcher sees to that; then the workers follow in 30 s.
actor LocalCluster: LoopBound {
    /// One process of the cluster.
    final class Part {
        let name: String
        let address: SocketAddress
        let log: String
        var process: ChildProcess?
        var pid: Int32 { process?.pid ?? 0 }

        init(name: String, address: SocketAddress, log: String) {
            self.name = name
            self.address = address
            self.log = log
        }
    }

    private static let application = "hello"
    /// Where `igropyr explain` asks.
    private static let admin = SocketAddress.loopback(port: ExplainCommand.port)
    /// How long a part may take to start, or to end.
    private static let patience = Duration.seconds(20)

    nonisolated let loop: EventLoop
    let front: SocketAddress
    private let ownFolder: OwnFolder
    let nodes: [Part]
    private let balancer: Part
    private let client: ControlClient
    private var onEnd: ((Part) -> Void)?
    private var running = 0

    /// - Throws: What cannot be had: a port, the folder.
    init(on loop: EventLoop, nodes count: Int, front: SocketAddress) throws {
        self.loop = loop
        self.front = front
        var addresses: [SocketAddress] = []
        for number in 1...count {
            addresses.append(SocketAddress(host: .v4(127, 0, 0, UInt8(number)), port: MemberOptions.port))
        }
        for address in addresses {
            try Self.requireFree(address, advice: "is another demo or node running?")
            let control = SocketAddress(host: address.host, port: address.port + 1)
            try Self.requireFree(control, advice: "is another demo or node running?")
        }
        try Self.requireFree(Self.admin, advice: "is another demo or balancer running?")
        try Self.requireFree(front, advice: "choose another port for the balancer with --listen")
        client = try ControlClient(on: loop, key: nil)
        let ownFolder = try OwnFolder(for: "demo")
        let folder = ownFolder.path
        self.ownFolder = ownFolder
        nodes = addresses.enumerated().map { index, address in
            Part(name: "node-\(index + 1)", address: address, log: "\(folder)/node-\(index + 1).log")
        }
        let gossip = SocketAddress(host: .v4(127, 0, 0, 1), port: NodeCommand.balancerPort)
        balancer = Part(name: "balancer", address: gossip, log: "\(folder)/balancer.log")
    }

    nonisolated var folder: String { ownFolder.path }

    private static func requireFree(_ address: SocketAddress, advice: String) throws {
        do throws(UVError) {
            Descriptor.close(try ListeningSocket.open(address))
        } catch {
            throw CommandFailure("the demo needs \(address): \(error.reason); \(advice)")
        }
    }

    // MARK: - Start

    func startNodes() async throws {
        for (index, node) in nodes.enumerated() {
            var arguments = [
                "node", "--bind", "\(node.address)", "--name", node.name, "--data", dataFolder(of: node),
            ]
            if index > 0 { arguments += ["--join", "\(nodes[0].address)"] }
            try start(node, arguments)
        }
        try await expect("all nodes to find each other") { [self] in
            guard let status = try? await client.status(of: control) else { return false }
            return status.hosts.count { $0.role == .node && $0.status == .alive } == nodes.count
        }
    }

    func startBalancer() async throws {
        try start(
            balancer,
            [
                "balancer", "--listen", "\(front)", "--bind", "\(balancer.address)", "--name", balancer.name,
                "--join", "\(nodes[0].address)", "--admin", "\(Self.admin)",
            ])
        try await expect("the balancer to listen") { [self] in await accepts(front) }
    }

    private func dataFolder(of node: Part) -> String { "\(folder)/\(node.name)" }

    private func start(_ part: Part, _ arguments: [String]) throws {
        let log = unsafe open(part.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else {
            throw CommandFailure(unsafe "cannot write \(part.log): \(String(cString: strerror(errno)))")
        }
        defer { close(log) }
        let command = ChildProcess.Command(
            executable: Executable.path,
            arguments: ["launch", "--parent", "\(getpid())", "--", Executable.path] + arguments,
            environment: ProcessInfo.processInfo.environment, descriptors: [nil, log, log], hasOwnSession: true)
        part.process = try ChildProcess(on: loop, command) { [self] _ in
            running -= 1
            onEnd?(part)
        }
        running += 1
    }

    // MARK: - Use

    /// The control API of the first node that runs.
    private var control: SocketAddress {
        let node = nodes.first { $0.process?.isRunning == true } ?? nodes[0]
        return SocketAddress(host: node.address.host, port: node.address.port + 1)
    }

    func deploy(_ bundle: String) async throws -> Deployment {
        let name = try ApplicationName(Self.application)
        let manifest = try await loop.offload { try Manifest(of: bundle) }
        return try await Deployer(client: client, node: control).deploy(name, bundle: bundle, manifest)
    }

    /// Until its workers have been found good.
    /// - Throws: why they do not start.
    func awaitWorkers(of deployment: Deployment) async throws {
        let watch = RolloutWatch(client: client, node: control, showsCount: false)
        if let shortcoming = try await watch.follow(deployment, for: Self.patience).shortcoming {
            throw CommandFailure(shortcoming)
        }
    }

    func statusText() async throws -> String { StatusText(try await client.status(of: control)).text }

    /// Throws when the balancer ends, or the last node, or the task is cancelled. That a node ends is what a demo is
    /// for.
    func waitForAnEnd() async throws {
        let parts = nodes + [balancer]
        let (ended, report) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(parts.count))
        onEnd = { part in
            if let index = parts.firstIndex(where: { $0 === part }) { report.yield(index) }
        }
        for await index in ended {
            let part = parts[index]
            if part === balancer || nodes.allSatisfy({ $0.process?.isRunning != true }) { throw Self.didEnd(part) }
            Terminal.write("\(part.name) has ended; the others go on without it\n")
        }
        throw CancellationError()
    }

    private static func didEnd(_ part: Part) -> CommandFailure {
        CommandFailure("\(part.name) has ended by itself; its last words: \(lastWords(of: part))")
    }

    private static func lastWords(of part: Part) -> String {
        let text = (try? String(contentsOfFile: part.log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").last.map(String.init) ?? "none"
    }

    /// Waits until something is so; names the part that ended, or what did not happen.
    private func expect(_ what: String, _ isSo: () async throws -> Bool) async throws {
        let isSoAtLast = try await until(Self.patience) { [self] in
            for part in nodes + [balancer] where part.process?.isRunning == false { throw Self.didEnd(part) }
            return try await isSo()
        }
        if !isSoAtLast {
            throw CommandFailure(
                "waited \(Self.patience) for \(what); last words of \(nodes[0].name): \(Self.lastWords(of: nodes[0]))")
        }
    }

    private func accepts(_ address: SocketAddress) async -> Bool {
        guard let stream = try? TCPStream(on: loop) else { return false }
        defer { stream.close() }
        let error = await withCheckedContinuation { continuation in
            stream.connect(to: address) { continuation.resume(returning: $0) }
        }
        return error == nil
    }

    /// What one may do with it now.
    var advice: String {
        let program = Executable.typed
        let next = nodes.count + 1
        return """
            Three things to try in another terminal:

              curl http://\(front)/a http://\(front)/b http://\(front)/c
                each path has its worker: the same again and again, on different nodes; why that one:
                \(program) explain http://\(front)/a

              kill -9 \(nodes.last?.pid ?? 0)
                the node on \(nodes.last?.address.hostText ?? "") dies, and its worker follows in 30 seconds; curl again: nothing
                is lost, and only its paths have moved

              \(program) node --bind 127.0.0.\(next) --name node-\(next) --join 127.0.0.1 --data $(mktemp -d)
                one more host (Ctrl-C ends it): within seconds it has its worker, and its share of the paths; look:
                \(program) status

            Ctrl-C stops all of it.
            """
    }

    // MARK: - End

    /// Ends all processes and removes the folder. Nothing of the cluster is to survive, so nobody in it needs to be
    /// told: that would take seconds.
    func stop() async {
        onEnd = nil
        for part in [balancer] + nodes { part.process?.signalGroup(SIGKILL) }
        _ = try? await until(Self.patience) { running == 0 }
        await client.close()
        let folders = nodes.map(dataFolder)
        await loop.offload { for folder in folders { Keeper.endWorkers(on: folder) } }
        ownFolder.remove()
    }
}
