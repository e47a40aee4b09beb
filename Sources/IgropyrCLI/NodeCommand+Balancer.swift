import IgropyrBalancer
import IgropyrCluster
import IgropyrUV

extension NodeCommand {
    /// Where a balancer beside a node gossips.
    static let balancerPort: UInt16 = 7950
    private static let balancerName = "balancer"

    /// Where the balancer beside the node is to listen; nil if it, or the process before this one, has seen to that.
    /// - Throws: whatever is wrong with its file.
    func entrances(after handover: Handover, on loop: EventLoop) async throws -> [SocketAddress]? {
        let isPresent = handover.names[Self.balancerName] != nil
        if let balance {
            return isPresent ? nil : [try await balance.address(defaultPort: 8080, option: "--balance")]
        }
        guard let balanceConfig else { return nil }
        do {
            let file = try BalancerConfiguration.reading(balanceConfig, option: "--balance-config")
            if !isPresent { try await file.check(calledBy: balanceConfig, on: loop) }
            return try await file.resolvedListeners().compactMap(\.askedAddress)
        } catch {
            guard isPresent else { throw error }
            return nil  // The balancer goes on, and says why.
        }
    }

    /// A balancer of its own process, a member beside the node; not yet started, but its sockets are there. Nil if
    /// there is to be none. `entrances`: ``entrances(after:on:)``.
    func balancer(
        beside node: NodeConfiguration, at entrances: [SocketAddress]?, on loop: EventLoop
    ) async throws -> ServiceSupervisor? {
        guard hasBalancer else { return nil }
        let (name, program) = (Self.balancerName, try await balancerProgram(beside: node))
        if let present = ServiceSupervisor(name, program: program, from: node.handover, logger: node.logger, on: loop) {
            if let entrances { await present.keepSockets(at: entrances) }
            return present
        }
        let option = balanceConfig.map { "--balance-config \($0): listen" } ?? "--balance"
        var sockets: [Int32] = []
        for address in entrances ?? [] {
            do throws(UVError) {
                sockets.append(try ListeningSocket.open(address))
            } catch {
                for socket in sockets { Descriptor.close(socket) }
                throw CommandFailure("\(option) \(address): \(error.listeningAdvice(at: address))")
            }
        }
        return ServiceSupervisor(name, program: program, sockets: sockets, logger: node.logger, on: loop)
    }

    private func balancerProgram(beside node: NodeConfiguration) async throws -> [String] {
        let beside = SocketAddress(host: node.member.bind.host, port: Self.balancerPort)
        let bind = try await balanceBind?.address(defaultPort: Self.balancerPort, option: "--balance-bind")
        var program = [
            Executable.path, "balancer", "--name", "\(node.member.name).balancer", "--bind", (bind ?? beside).localText,
            "--join", node.member.bind.localText, "--profile", member.profile.rawValue, "--data",
            "\(node.dataFolder)/balancer",
        ]
        if let file = node.keyFile { program += ["--key-file", file] }
        if let address = node.member.advertise {
            program += ["--advertise", SocketAddress(host: address.host, port: (bind ?? beside).port).localText]
        }
        if let balanceAdmin {
            let admin = try await balanceAdmin.address(
                defaultPort: ExplainCommand.port, option: "--balance-admin")
            program += ["--admin", admin.localText]
        }
        if balanceTLS { program.append("--tls-cluster") }
        if let balanceConfig { program += ["--config", balanceConfig] }
        if node.isInsecure { program.append("--insecure") }
        return program
    }
}
