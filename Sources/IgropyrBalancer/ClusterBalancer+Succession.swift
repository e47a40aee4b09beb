internal import IgropyrCluster
internal import IgropyrMembership
internal import IgropyrOrchestration
public import IgropyrUV

/// Another process takes this one's place.
extension ClusterBalancer {
    /// How it learns of the cluster once a successor is the member.
    struct BorrowedEars {
        let client: ControlClient
        let directory: UpstreamDirectory
        let followers: [Task<Void, Never>]
    }

    /// As ``Balancer/startSuccessor(_:with:within:on:)``. The new process gossips under this one's name, by the same
    /// sockets: so this one falls silent for it, and to its end hears of the cluster from nodes. If nothing comes of
    /// it, all is as before.
    /// - Throws: ``SuccessionFailure``; what ``start()`` throws if it cannot gossip again, either.
    public func startSuccessor(_ command: ChildProcess.Command, within limit: Duration) async throws -> Int32 {
        guard let balancer, let ears else { throw SuccessionFailure.stopped }
        let snapshot = await ears.replica.snapshot
        let keyring = try keysForSuccessor()
        defer { for descriptor in keyring.values { Descriptor.close(descriptor) } }
        let sockets = try await ears.membership.leaveToSuccessor()
        self.ears = nil
        await close(ears)
        memory?.release()
        do {
            borrowedEars = try await borrow(from: snapshot, for: balancer)
            let pid = try await balancer.startSuccessor(
                command, with: keyring.merging(sockets?.descriptors ?? [:]) { $1 }, within: limit, on: loop)
            sockets?.close()
            return pid
        } catch {
            await giveBack()
            await takeDataFolderBack()
            self.ears = try await listen(for: balancer, on: sockets)
            throw error
        }
    }

    /// Those of the cluster, which may have changed since the key file was written; none where the data folder has
    /// them.
    private func keysForSuccessor() throws -> [String: Int32] {
        guard memory == nil, let key, !keys.isEmpty else { return [:] }
        return try KeyringFile(base: key, keys: keys).handedOver()
    }

    /// By nodes' control API, until ``giveBack()``.
    private func borrow(from snapshot: Replica.Snapshot, for balancer: Balancer) async throws -> BorrowedEars {
        let name = try HostName(configuration.name)
        let directory = try makeDirectory(for: balancer)
        do {
            let client = try ControlClient(on: loop, key: keys.first, zone: configuration.zone)
            let replica = RemoteReplica(name, from: snapshot, keys: keys, client: client, on: loop)
            let followers = [
                Task(executorPreference: loop) { await replica.follow() },
                Task(executorPreference: loop) {
                    for await keys in replica.changedKeys { await self.use(keys, directory) }
                },
                Task(executorPreference: loop) { await self.follow(replica.snapshots, balancer, directory) },
            ]
            return BorrowedEars(client: client, directory: directory, followers: followers)
        } catch {
            await directory.close()
            throw error
        }
    }

    /// Idempotent.
    func giveBack() async {
        guard let ears = borrowedEars else { return }
        borrowedEars = nil
        ears.followers.first?.cancel()
        await ears.client.close()
        for follower in ears.followers { await follower.value }
        await ears.directory.close()
    }
}
