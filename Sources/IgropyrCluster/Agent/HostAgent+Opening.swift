internal import IgropyrMembership
internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrTransport
internal import IgropyrUV
internal import Logging

extension HostAgent {
    /// How long a node that knows of others waits for them before it runs what it knows of.
    private static let longestSearch: Duration = .seconds(2)

    /// Opens everything in the order of need; closes it again if something fails.
    func open() async throws(NodeError) -> Parts {
        keys = NodeKeys(ofFile: try await readKey())
        let (folder, store) = try await openFolder()
        do throws(NodeError) {
            let present = try await readKeyring(folder)
            keys.use(present)
            let client: ControlClient
            do {
                client = try ControlClient(on: loop, key: keys.present.first, zone: configuration.member.zone)
            } catch { throw .system(error.description) }
            do throws(NodeError) {
                return try await listen(folder, store, client)
            } catch {
                await client.close()
                throw error
            }
        } catch {
            folder.release()
            throw error
        }
    }

    /// What the cluster agreed on since the key file was given.
    private func readKeyring(_ folder: DataFolder) async throws(NodeError) -> [ClusterKey] {
        guard let key = keys.ofFile else { return [] }
        let keys: [ClusterKey]
        do {
            keys = try await loop.offload { () throws(KeyringUnreadable) in
                try KeyringFile.keys(startingWith: key, from: folder)
            }
        } catch { throw .configuration("\(error)") }
        if keys.first != key {
            configuration.logger.notice(
                "the cluster's key has changed since the key file was written: using the data folder's",
                metadata: ["file": "\(folder.path)/\(KeyringFile.keyName)"])
        }
        return keys
    }

    private func readKey() async throws(NodeError) -> ClusterKey? {
        guard let path = configuration.keyFile else { return nil }
        let logger = configuration.logger
        do {
            return try await loop.offload { () throws(ClusterKeyError) in
                try ClusterKey(fileAt: path) {
                    logger.warning("the key file is not private", metadata: ["reason": "\($0)"])
                }
            }
        } catch { throw .key(error) }
    }

    private func openFolder() async throws(NodeError) -> (DataFolder, BundleStore) {
        let path = configuration.dataFolder
        let folder: DataFolder
        do {
            folder = try await loop.offload { () throws(DataFolderError) in try DataFolder(at: path) }
        } catch { throw .folder(error) }
        do {
            let (store, present) = try await loop.offload { () throws(BundleError) in
                let store = try BundleStore(openingAt: "\(folder.path)/bundles")
                return (store, try LocalBundles(in: store))
            }
            bundles = present
            return (folder, store)
        } catch { throw .bundles(error) }
    }

    /// The control API first, since gossip tells its port.
    private func listen(
        _ folder: DataFolder, _ store: BundleStore, _ client: ControlClient
    ) async throws(NodeError) -> Parts {
        let address = configuration.controlAddress
        let control: ControlServer
        let bound: SocketAddress
        do {
            let tls = keys.present.isEmpty ? nil : try Self.controlTLS(keys.present)
            let listener = try makeControlListener(address)
            bound = listener.localAddress
            control = try ControlServer(listener: listener, tls: tls, agent: self)
        } catch let error as UVError {
            throw .control(address, error)
        } catch { throw .system("\(error)") }
        do throws(NodeError) {
            let topics = try await openTopics(folder)
            do throws(NodeError) {
                return try await join(folder, store, client, control, bound, topics)
            } catch {
                await topics.stop(within: .zero)
                throw error
            }
        } catch {
            await control.stop(within: .zero)
            throw error
        }
    }

    /// For members, and for hosts with a join token.
    static func controlTLS(_ keys: [ClusterKey]) throws(TLSError) -> TLSContext {
        try .preSharedKeys(keys.map(\.control), role: .server, issuer: JoinToken.issuer(of: keys))
    }

    private func makeControlListener(_ address: SocketAddress) throws(UVError) -> TCPListener {
        guard let descriptor = configuration.handover.descriptors["control"] else {
            return try TCPListener(on: loop, binding: address)
        }
        return try TCPListener(on: loop, owning: descriptor)
    }

    private func join(
        _ folder: DataFolder, _ store: BundleStore, _ client: ControlClient,
        _ control: ControlServer, _ controlAddress: SocketAddress, _ topics: TopicServer
    ) async throws(NodeError) -> Parts {
        let logFolder: String
        do { logFolder = try folder.folder("logs") } catch { throw .folder(.file(error)) }
        let site = await openSite(folder)
        let supervisor = makeSupervisor(store, logFolder, site, topics)
        let remembered = await loop.offload { PeerFile.read(from: folder) }
        scheduling = await loop.offload { Scheduling.read(from: folder) }
        let membership = Membership(membershipConfiguration(remembered, controlPort: controlAddress.port), on: loop)
        let events = await membership.events()  // All: it may lose its name at once.
        let timer: Timer
        do throws(UVError) {
            timer = try Timer(on: loop)
        } catch { throw .system("\(error)") }
        do {
            try await membership.start()
        } catch {
            timer.close()
            throw .membership(error)
        }
        // At the end: a node that cannot start leaves alone what an agent before it has left.
        do throws(UVError) {
            try await supervisor.open()
        } catch {
            timer.close()
            await membership.shutdown()
            throw .system("cannot hear workers: \(error)")
        }
        var replicaConfiguration = Replica.Configuration(name: name, folder: folder)
        replicaConfiguration.logger = configuration.logger
        let replica = Replica(replicaConfiguration, membership: membership, client: client, on: loop)
        let fetcher = BundleFetcher(
            store: store, replica: replica, client: client, host: name, logger: configuration.logger, on: loop
        ) { [weak self] outcome in await self?.didFetch(outcome) }
        return Parts(
            folder: folder, store: store, client: client, control: control, controlAddress: controlAddress,
            topics: topics, membership: membership, events: events, replica: replica, site: site,
            supervisor: supervisor, fetcher: fetcher, timer: timer,
            searchEnd: knowsOthers || !remembered.isEmpty ? loop.now.advanced(by: Self.longestSearch) : nil,
            epoch: UnixTime.now.milliseconds)
    }

    private var knowsOthers: Bool {
        let member = configuration.member
        return !member.seeds.isEmpty || !member.seedServices.isEmpty || member.discovery != nil
    }

    private func openSite(_ folder: DataFolder) async -> WorkerPlace.Site {
        let path = folder.path
        return await loop.offload {
            let site = WorkerPlace.Site(dataFolder: path, host: .found())
            WorkerPlace.removeAbandoned(by: path)
            return site
        }
    }

    /// It depends on how the node was started.
    func sayHowWorkersAreConfined(_ host: HostConfinement) {
        configuration.logger.info(
            "how workers can be confined here",
            metadata: [
                "isolation": "\(host.canIsolate)", "user": "\(host.isRoot)",
                "control groups": "\(host.groups?.path ?? host.groupsProblem)",
            ])
    }

    private func makeSupervisor(
        _ store: BundleStore, _ logFolder: String, _ site: WorkerPlace.Site, _ topics: TopicServer
    ) -> WorkerSupervisor {
        let loop = loop
        return WorkerSupervisor(
            .init(
                host: name, address: configuration.member.bind, advertisedHost: advertisedHost,
                settings: configuration.workers, logFolder: logFolder, site: site, keys: keys.forSecrets,
                clusterKeys: keys.present, topics: topics.address, topicSocket: try? topics.duplicateSocket(),
                handover: configuration.handover, logger: configuration.logger),
            store: store, on: loop
        ) { [weak self] in
            Task(executorPreference: loop) { await self?.setNeedsUpdate() }
        }
    }

    private func membershipConfiguration(
        _ remembered: [SocketAddress], controlPort: UInt16
    ) -> MembershipConfiguration {
        var membership = configuration.member
        membership.sockets = MembershipSockets(configuration.handover.descriptors)
        membership.tags = MemberTags.node(controlPort: controlPort)
        membership.keys = keys.present.map(\.bytes)
        membership.rememberedPeers = remembered
        membership.logger = configuration.logger
        return membership
    }
}
