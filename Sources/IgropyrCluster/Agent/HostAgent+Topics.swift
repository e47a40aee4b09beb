internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// How workers of an application talk to each other, by their nodes.
extension HostAgent {
    /// Where workers that outlived an agent before this one ask, if there are any and that can be had. Else elsewhere
    /// and under a new secret: what others may have learnt of the old one is of no use.
    func openTopics(_ folder: DataFolder) async throws(NodeError) -> TopicServer {
        let hub = try await makeTopicHub()
        do throws(UVError) {
            let past = await loop.offload { TopicAddress.read(from: folder) }
            let ledger = await loop.offload { WorkerLedger.read(from: folder.path) }
            var address = TopicAddress()
            let socket: Int32
            if let present = topicSocket(at: past, ledger) {
                address = past ?? address
                socket = present
            } else {
                socket = try ListeningSocket.open(.loopback(port: 0))
            }
            let inode = ListeningSocket.inode(of: socket)
            let listener = try TCPListener(on: loop, owning: socket)
            address.port = listener.localAddress.port
            address.socket = inode
            if address != past { await save(address, in: folder) }
            return try TopicServer(listener: listener, address: address, hub: hub)
        } catch {
            await hub.stop()
            throw .system("cannot listen for workers' messages on 127.0.0.1: \(error)")
        }
    }

    private func makeTopicHub() async throws(NodeError) -> TopicHub {
        var memory: TopicMemory?
        if let descriptor = configuration.handover.descriptors["talk"] {
            memory = await loop.offload { TopicMemory.read(owning: descriptor) }
        }
        do {
            let client = try ControlClient(
                on: loop, key: keys.present.first, zone: configuration.member.zone,
                connectionsPerServer: StateLimits.applications)
            return TopicHub(
                client: client, logger: configuration.logger, remembering: memory ?? TopicMemory(), on: loop)
        } catch { throw .system(error.description) }
    }

    /// Handed over by the program before, or held by its keeper. Nil if no worker asks there, or it is another's now.
    private func topicSocket(at address: TopicAddress?, _ ledger: WorkerLedger?) -> Int32? {
        if let descriptor = configuration.handover.descriptors["topics"] { return descriptor }
        guard let address, let ledger, ledger.workers.contains(where: \.process.isRunning) else { return nil }
        if let keeper = ledger.keeper, let inode = address.socket,
            let descriptor = try? ListeningSocket.take(inode: inode, from: keeper)
        {
            return descriptor
        }
        if let descriptor = try? ListeningSocket.open(.loopback(port: address.port)) { return descriptor }
        configuration.logger.warning(
            "workers that have outlived their node hear no messages until they are restarted: their port is taken",
            metadata: ["port": "\(address.port)"])
        return nil
    }

    func save(_ address: TopicAddress, in folder: DataFolder) async {
        do {
            try await loop.offload { try address.write(to: folder) }
        } catch {
            configuration.logger.warning(
                "cannot write topics.json: workers that outlive the node would hear no messages",
                metadata: ["reason": "\(error)"])
        }
    }

    /// Nobody hears anything any more from this program.
    /// - Returns: a descriptor by which its successor knows what was said last; nil if there is none.
    func rememberTopics(_ parts: Parts) async -> Int32? {
        let hub = parts.topics.hub
        await hub.stop()
        let memory = await hub.memory
        do { return try await loop.offload { try memory.write() } } catch {
            configuration.logger.warning(
                "cannot hand over what workers said last: they may miss messages", metadata: ["reason": "\(error)"])
            return nil
        }
    }
}
