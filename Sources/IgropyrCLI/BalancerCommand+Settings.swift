import ArgumentParser
import IgropyrBalancer
import IgropyrUV

extension BalancerCommand {
    /// By the file and by the options, which go before it; names are resolved on the loop.
    func settings(_ file: BalancerConfiguration?, on loop: EventLoop) async throws -> BalancerSettings {
        var listeners = try await (file ?? BalancerConfiguration()).resolvedListeners()
        if let listen {
            listeners = [
                BalancerListener(.address(try await listen.address(defaultPort: 8080, option: "--listen")))
            ]
        }
        if let tls = tlsCluster ? .cluster : tls.configuration {
            guard listeners.contains(where: { $0.redirectsToHTTPSPort == nil }) else {
                let option = tlsCluster ? "--tls-cluster" : "--tls-certificate"
                throw ValidationError("\(option) is of no use: all listeners of --config redirect to HTTPS.")
            }
            for index in listeners.indices where listeners[index].redirectsToHTTPSPort == nil {
                listeners[index].tls = tls
            }
        }
        takeSockets(
            for: &listeners,
            areAsked: listen != nil || file.map { $0.listeners != BalancerConfiguration().listeners } ?? false)
        var settings = BalancerSettings(listeners: listeners)
        settings.isSuccessor = ServiceContract.inherited.isSuccessor
        if let hash {
            if let file, isAlone(file) {
                throw ValidationError("--hash is of no use: the file of --config describes all applications.")
            }
            settings.application.hashKey = hash
        }
        settings.loops = loops ?? file?.loops ?? min(256, CurrentProcess.availableCores)
        settings.insight = try await insight.settings(before: file?.accessLog)
        if let file {
            file.apply(to: &settings)
            settings.rules = try await file.rules(on: loop)
        }
        return settings
    }

    /// The rules of `--upstream`: one application, which answers everything.
    func upstreamRules() async throws -> TrafficRules? {
        guard let upstream else { return nil }
        var workers: [TrafficRules.FixedWorker] = []
        for text in upstream.split(separator: ",", omittingEmptySubsequences: false) {
            guard let endpoint = try? EndpointArgument(parsing: String(text)), endpoint.hasPort else {
                throw ValidationError("--upstream '\(text)': write it as ADDRESS:PORT.")
            }
            let worker = TrafficRules.FixedWorker(
                try await endpoint.address(defaultPort: 0, option: "--upstream"))
            guard !workers.contains(worker) else {
                throw ValidationError("--upstream \(text): \(worker.address) is there twice.")
            }
            workers.append(worker)
        }
        return .fixed(workers)
    }

    /// Takes the sockets that were handed over, and says where clients will not find what was asked for: by somebody,
    /// if `areAsked`.
    private func takeSockets(for listeners: inout [BalancerListener], areAsked: Bool) {
        let contract = ServiceContract.inherited
        let given = contract.sockets.compactMap(ListeningSocket.localAddress(of:))
        if areAsked, !contract.isSuccessor, listeners.count == 1, case .address(let asked) = listeners[0].source,
            let first = given.first, !given.contains(where: { $0.port == asked.port })
        {
            StandardError.write(
                "warning: listens on \(first), which was handed over (LISTEN_FDS), not on \(asked)\n", .warning)
        }
        let rest = listeners.takeSockets(contract.sockets, asked: contract.askedAddresses)
        for address in Set(rest.compactMap { ListeningSocket.localAddress(of: $0)?.description }).sorted() {
            let text =
                contract.isSuccessor
                ? "will no longer listen on \(address)"
                : "warning: \(address) was handed over (LISTEN_FDS), and no listener has it: "
                    + "who connects there waits in vain"
            StandardError.write("\(text)\n", contract.isSuccessor ? .info : .warning)
        }
        for socket in rest { Descriptor.close(socket) }
    }
}
