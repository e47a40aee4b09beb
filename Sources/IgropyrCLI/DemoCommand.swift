import ArgumentParser
import Foundation
import IgropyrUV

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a whole cluster on this machine: nodes, a balancer, an application.",
        discussion: """
            Every node is a process of its own, on 127.0.0.1, 127.0.0.2, …, with its
            own data folder. Ctrl-C stops all and leaves nothing behind.

              igropyr demo
              igropyr demo --listen 127.0.0.1:9000 --nodes 5
              igropyr demo --application ./public
            """)

    @Option(help: "Where the balancer listens. Default: 127.0.0.1:8080", transform: EndpointArgument.init(parsing:))
    var listen: EndpointArgument = .loopback(port: 8080)

    @Option(help: "How many nodes: 1 to 20.")
    var nodes: Int = 3

    @Option(
        help: "What to deploy: an executable, or a folder. Default: the example application Hello, which comes along.",
        transform: nonempty)
    var application: String?

    func validate() throws {
        guard 1...20 ~= nodes else { throw ValidationError("--nodes takes a number from 1 to 20.") }
    }

    func run() async throws {
        let bundle = try application ?? Self.bundledApplication()
        let (listen, nodes) = (listen, nodes)
        let failure: CommandFailure? = try await onEventLoop { loop in
            let front = try await listen.address(defaultPort: 8080, option: "--listen")
            let cluster = try LocalCluster(on: loop, nodes: nodes, front: front)
            let signals = ServiceSignals(on: loop, hearing: [.end])
            try await signals.start()
            let life = Task(executorPreference: loop) { try await Self.show(cluster, bundle: bundle) }
            let watch = Task(executorPreference: loop) {
                await signals.waitForEnd()
                life.cancel()
            }
            let outcome = await life.result
            let wasAskedToEnd = life.isCancelled
            signals.requestEnd()
            await watch.value
            Terminal.write("\nstopping\n")
            await cluster.stop()
            await signals.close()
            guard case .failure(let error) = outcome, !wasAskedToEnd else { return nil }
            return CommandFailure("\(error)")
        }
        if let failure { throw failure }
    }

    /// Starts everything, says what to try, and waits until something ends.
    private static func show(_ cluster: LocalCluster, bundle: String) async throws {
        let progress = Progress(loop: cluster.loop)
        Terminal.write("A cluster on this machine, its data and logs in \(cluster.folder):\n")
        try await progress.step("starting the nodes") { try await cluster.startNodes() }
        try await progress.step("starting a balancer") { try await cluster.startBalancer() }
        let deployment = try await progress.step("deploying \(URL(filePath: bundle).lastPathComponent)") {
            try await cluster.deploy(bundle)
        }
        try await progress.step("waiting for its workers") { try await cluster.awaitWorkers(of: deployment) }
        Terminal.write("\n\(try await cluster.statusText())\n\n\(await cluster.advice)\n")
        try await cluster.waitForAnEnd()
    }

    /// Beside this program, as it is built; or where packages have it.
    private static func bundledApplication() throws -> String {
        let folder = URL(filePath: Executable.path).deletingLastPathComponent()
        let places = ["Hello", "../lib/igropyr/Hello"].map { folder.appending(path: $0).standardized.path }
        guard let path = places.first(where: FileManager.default.isExecutableFile) else {
            throw CommandFailure(
                "the example application is neither \(places[0]) nor \(places[1]): build it (cluster/build), or name "
                    + "yours by --application")
        }
        return path
    }
}
