internal import IgropyrCluster
internal import IgropyrMembership
internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// What it does about what it hears.
extension ClusterBalancer {
    func follow(
        _ snapshots: AsyncStream<Replica.Snapshot>, _ balancer: Balancer, _ directory: UpstreamDirectory
    ) async {
        var (lastDead, lastFailed): (Set<SocketAddress>, Set<HostName>) = ([], [])
        for await snapshot in snapshots {
            // For who has borrowed ears; a member has heard of it already.
            for host in snapshot.failed.subtracting(lastFailed) { balancer.hostFailed(host.rawValue) }
            lastFailed = snapshot.failed
            let dead = Self.deadWorkers(snapshot.state)
            for address in dead.subtracting(lastDead) { balancer.workerFailed(at: address) }
            lastDead = dead
            // Who has heard of no host yet does not know of certificates, either.
            if !snapshot.state.hosts.isEmpty {
                certificates.known = snapshot.state.certificates
                showCertificates(on: balancer)
            }
            await directory.update(ClusterView(snapshot.state, alive: snapshot.alive))
            workerWaiters.wake()
            await rememberPeers()
        }
    }

    /// Those that will not be back at once. Their sockets, which their nodes have, still take connections: what waits
    /// there for nobody goes elsewhere.
    private static func deadWorkers(_ state: ReplicatedState) -> Set<SocketAddress> {
        let workers = state.hosts.values.flatMap(\.workers).filter { $0.state == .failed || $0.state == .backoff }
        return Set(workers.compactMap { SocketAddress($0.address, port: $0.port) })
    }

    private func rememberPeers() async {
        guard let memory, let ears else { return }
        await memory.keep(peers: await ears.membership.rememberedPeers)
    }

    /// Does not wait for the snapshot: what is under way on a dead host is repeated elsewhere at once.
    func follow(
        _ events: AsyncStream<MembershipEvent>, of membership: Membership, _ balancer: Balancer,
        _ directory: UpstreamDirectory, _ client: ControlClient
    ) async {
        for await event in events {
            switch event {
            case .member(let event): if event.kind == .failed { balancer.hostFailed(event.member.name) }
            case .keysChanged(let changed):
                let old = keys
                await use(changed.compactMap(ClusterKey.init(bytes:)), directory)
                // It fails only for want of memory; then the next exchange of states tells.
                if let key = keys.first { try? await client.use(key) }
                await remember(keys, insteadOf: old)
            case .nameLost(let name, let address):
                nameLoss = .nameLost(name: name, address: address)
                lossWaiters.wake()
            case .query(let query):
                guard let challenge = AuthorityChallenge(query: query.name, query.payload) else { break }
                await balancer.answer(challenge)
                try? await membership.respond(to: query.id, with: [])  // If it is not too late for that.
            case .userEvent, .userMessage, .userState, .joined, .joinFailed, .nameConflict, .lagged: break
            }
        }
    }

    func use(_ keys: [ClusterKey], _ directory: UpstreamDirectory) async {
        certificates.keep(self.keys, replacedBy: keys)
        self.keys = keys
        if certificates.areShown, let balancer = balancer ?? endingBalancer { showCertificates(on: balancer) }
        await directory.use(keys)
    }

    /// While a key is changed, keys come and go; that another is in use is news once.
    private func remember(_ keys: [ClusterKey], insteadOf old: [ClusterKey]) async {
        if let memory { return await memory.keep(keys) }
        guard keys.first != old.first else { return }
        configuration.logger.notice(
            "the cluster uses another key, and this balancer has no data folder: give it the new one for its next start"
        )
    }

    func showCertificates(on balancer: Balancer) {
        certificates.show(on: balancer, keys: keys, logger: configuration.logger)
    }
}
