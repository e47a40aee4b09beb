internal import IgropyrMembership
internal import IgropyrUV
internal import Logging

/// What the gossip has this node do.
extension HostAgent {
    func follow(_ events: AsyncStream<MembershipEvent>) async {
        await keepKeys()
        for await event in events {
            switch event {
            case .keysChanged, .lagged: await keepKeys()
            case .nameLost(_, let address): loseName(to: address)
            case .member, .userEvent, .userMessage, .userState, .query, .joined, .joinFailed, .nameConflict: break
            }
        }
    }

    /// The others go on under this name with the other host: this one stops before it does harm.
    private func loseName(to address: SocketAddress) {
        failure = .nameLost(name: name.rawValue, address: address)
        Task(executorPreference: loop) { await self.stop() }
    }

    /// The keys that the cluster agrees on count for control connections, too, and after a restart.
    private func keepKeys() async {
        guard let parts else { return }
        let present = await parts.membership.keys.compactMap(ClusterKey.init(bytes:))
        guard let first = present.first, keys.ofFile != nil, present != keys.present else { return }
        keys.use(present)
        do {
            parts.control.use(try Self.controlTLS(present))
            try await parts.client.use(first)
            try await parts.topics.hub.use(first)
            await parts.supervisor.use(present)
        } catch { configuration.logger.error("cannot use the changed keys", metadata: ["reason": "\(error)"]) }
        await saveKeys(parts)
        await writeNodeFile(parts)
    }

    func saveKeys(_ parts: Parts) async {
        guard let base = keys.ofFile else { return }
        let (folder, file) = (parts.folder, KeyringFile(base: base, keys: keys.present))
        do {
            try await loop.offload { try file.write(to: folder) }
            problems[.keys] = nil
        } catch {
            problems[.keys] = "the cluster's changed keys could not be saved, and would be lost by a restart: \(error)"
        }
    }
}
