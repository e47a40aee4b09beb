internal import IgropyrUV
internal import Logging
public import ServiceLifecycle

/// In a `ServiceGroup`, a graceful shutdown drains the server as SIGTERM does elsewhere; see
/// ``App/Configuration/handlesSignals``.
extension App: Service {
    /// As ``run(host:port:)``, where the ``Configuration`` says.
    public func run() async throws { try await run(host: nil, port: nil) }
}

extension App {
    /// Serves until SIGTERM, SIGINT or SIGQUIT arrives, the terminal that it was started from goes away, the task is
    /// cancelled or its service group shuts down; then lets requests in flight finish and returns. A second such signal
    /// ends the process at once.
    ///
    /// SIGHUP has the files of ``tls`` read anew: connections from then on get the new certificates; if they cannot be
    /// used, the old ones stay, and the log says why. So it is with the files of middleware (``Middleware/onReload``).
    /// SIGUSR1 has logs opened anew (``Configuration/onReopeningLogs``). Where there is nothing to do for one of them,
    /// or for SIGUSR2, the log says so, and all goes on.
    ///
    /// Started by a node for an application that was deployed with `--encrypt`, it takes requests by TLS under the keys
    /// of the file that `IGROPYR_WORKER_KEYS` names, and none in plain text; then ``tls`` must be nil, and SIGHUP has
    /// that file read anew.
    ///
    /// Started by a node or by systemd with a listening socket (`LISTEN_FDS`), it serves on that. Otherwise it opens
    /// `host` and `port`, if not given those of the ``Configuration``; without a port, that of the environment's
    /// `PORT`, which means all addresses if no host is given; without that, 127.0.0.1:8080. Port 0 is any free one.
    ///
    /// The process may have as many open files from then on as the system lets it (`ulimit -Hn`), up to 65 536.
    /// - Throws: ``StartFailure`` if it cannot listen; what is wrong with the routes.
    public func run(host: String? = nil, port: UInt16? = nil) async throws {
        try await run(host: host, port: port, beside: nil)
    }

    /// The same, with another server that stops when this one does, and not only after it.
    package func run(host: String?, port: UInt16?, beside other: RunningServer?) async throws {
        CurrentProcess.raiseOpenFileLimit()
        let contract = WorkerContract.inherited
        let configuration = configuration
        let source = try Self.source(
            host: host ?? configuration.host, port: port ?? configuration.port, contract: contract)
        let server = try await start(source, keyFile: contract.keyFile, hearsSignals: true)
        let scheme = configuration.tls == nil && contract.keyFile == nil ? "http" : "https"
        configuration.logger.info("listening", metadata: ["address": "\(scheme)://\(server.address)"])
        contract.service.notifyReady()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                guard let signals = server.signals else { return }
                await server.carryOut(
                    signals.orders, reload: configuration.onReload, reopenLogs: configuration.onReopeningLogs)
            }
            await Self.waitForEnd(of: server, contract.service)
            contract.service.notify("STOPPING=1")
            configuration.logger.info("stopping")
            async let otherEnd: Void = other?.stop() ?? ()
            try await server.stop()
            try await otherEnd
            group.cancelAll()
        }
    }

    /// Returns when the server is to end. What watches over this process hears from it meanwhile.
    private static func waitForEnd(of server: RunningServer, _ service: ServiceContract) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await service.feedWatchdog { for loop in server.loops { await loop.answer() } } }
            await withGracefulShutdownHandler {
                await server.signals?.waitForEnd()
            } onGracefulShutdown: {
                server.signals?.requestEnd()
            }
            group.cancelAll()
        }
    }

    /// Serves on an address until ``RunningServer/stop()``, as tests and programs with more to do want it. Looks at
    /// neither signals nor the environment.
    /// - Throws: as ``run(host:port:)``.
    public func start(host: String = "127.0.0.1", port: UInt16 = 0) async throws -> RunningServer {
        try await start(.address(try Self.address(host, port)))
    }

    private static func source(
        host: String?, port: UInt16?, contract: WorkerContract
    ) throws(StartFailure) -> SocketSource {
        if let socket = contract.service.sockets.first { return .inherited([socket]) }
        if let port { return .address(try address(host ?? "127.0.0.1", port)) }
        if let port = try contract.port() { return .address(try address(host ?? "0.0.0.0", port)) }
        return .address(try address(host ?? "127.0.0.1", 8080))
    }

    private static func address(_ host: String, _ port: UInt16) throws(StartFailure) -> SocketAddress {
        guard let address = SocketAddress(host == "localhost" ? "127.0.0.1" : host, port: port) else {
            throw StartFailure("\(host) is no address: give one of this machine's, such as 127.0.0.1 or 0.0.0.0")
        }
        return address
    }

    func start(
        _ source: SocketSource, keyFile: String? = nil, hearsSignals: Bool = false
    ) async throws -> RunningServer {
        let definition = try definition()
        let configuration = definition.configuration
        let count = configuration.loops
        let tls = try Self.proof(configuration, keyFile).map { try ServerTLS($0, logger: configuration.logger) }
        let shared = try SharedParts(configuration)
        let sockets: [Int32]
        let address: SocketAddress
        do {
            (sockets, address) = try source.open(count)
        } catch {
            await shared.stopLogs()
            throw StartFailure(error, source)
        }
        do throws(UVError) {
            try configuration.owner?.assume()
        } catch {
            for socket in sockets { Descriptor.close(socket) }
            await shared.stopLogs()
            throw StartFailure(
                "cannot go on as \(configuration.owner?.description ?? ""): \(error.reason); only root can")
        }
        do throws(UVError) {
            let loops = try await Self.loops(on: sockets)
            let orders = Self.orders(for: definition, hasTLS: tls != nil, keepsLogs: shared.keepsLogs)
            let server = RunningServer(
                address: address, loops: loops, tls: tls, shared: shared,
                signals: hearsSignals ? ServiceSignals(on: loops[0].loop, hearing: orders) : nil,
                reloads: definition.reloads, drainTimeout: configuration.drainTimeout, logger: configuration.logger)
            try await Self.serve(definition, tls, shared, on: server)
            server.begin(definition.jobs)
            return server
        } catch {
            await shared.stopLogs()
            throw error
        }
    }

    /// All of them if the process's signals are the application's own, else those for which it has something to do.
    private static func orders(for app: Definition, hasTLS: Bool, keepsLogs: Bool) -> Set<ServiceOrder> {
        if app.configuration.handlesSignals { return Set(ServiceOrder.allCases) }
        var orders: Set<ServiceOrder> = []
        if hasTLS || !app.reloads.isEmpty || app.configuration.onReload != nil { orders.insert(.reload) }
        if keepsLogs || app.configuration.onReopeningLogs != nil { orders.insert(.reopenLogs) }
        return orders
    }

    /// Hears the signals before anything is accepted: whom it has answered may send one. Where that or this cannot be,
    /// none of the loops is left.
    private static func serve(
        _ app: Definition, _ tls: ServerTLS?, _ shared: SharedParts, on server: RunningServer
    ) async throws(UVError) {
        do throws(UVError) {
            try await server.signals?.start()
            for loop in server.loops { try await loop.serve(app, tls, shared) }
        } catch {
            await server.signals?.close()
            await end(server.loops)
            throw error
        }
    }

    private static func proof(
        _ configuration: Configuration, _ keyFile: String?
    ) throws(StartFailure) -> ServerTLS.Source? {
        guard let keyFile else { return configuration.tls.map { .certificates($0) } }
        guard configuration.tls == nil else {
            throw StartFailure(
                "the application has certificates of its own and is deployed with --encrypt: do without the one or the other"
            )
        }
        return .keys(file: keyFile)
    }

    /// A loop for each socket. When one cannot be had, none is left and every socket is closed.
    private static func loops(on sockets: [Int32]) async throws(UVError) -> [ServerLoop] {
        var loops: [ServerLoop] = []
        for (number, socket) in sockets.enumerated() {
            do throws(UVError) {
                loops.append(try ServerLoop(number: number, socket: socket))
            } catch {
                for rest in sockets[loops.count...] { Descriptor.close(rest) }
                await end(loops)
                throw error
            }
        }
        return loops
    }

    private static func end(_ loops: [ServerLoop]) async {
        for loop in loops { _ = try? await loop.stop(drainTimeout: .zero) }
    }
}
